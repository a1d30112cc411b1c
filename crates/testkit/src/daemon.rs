//! One of the lab's own binaries, run as a user runs it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, prlimit};

use crate::environment::command;
use crate::process::{Process, started};
use crate::scrape::Scrape;
use crate::wait::eventually;

/// A running binary, killed on drop. Its output is shown when the test fails.
pub struct Daemon {
    process: Process,
    metrics: Option<SocketAddr>,
}

impl Daemon {
    /// Starts a binary. Pass `env!("CARGO_BIN_EXE_<name>")` as the path.
    #[track_caller]
    pub fn spawn<A: AsRef<OsStr>>(bin: impl AsRef<Path>, args: impl IntoIterator<Item = A>) -> Self {
        let mut command = command(bin.as_ref());
        command.args(args);
        Self::run(command)
    }

    /// As [`Daemon::spawn`], for a command with a folder or variables of its own. The kit sets its stdin, stdout and stderr.
    #[track_caller]
    pub fn run(command: Command) -> Self {
        let name =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { process: started(Process::start(&name, command)), metrics: None }
    }

    /// Sets the address of its metrics server, for [`Daemon::scrape`].
    #[must_use]
    pub fn serving(mut self, metrics: SocketAddr) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// The address of its metrics server, as given to [`Daemon::serving`].
    pub fn addr(&self) -> SocketAddr {
        self.metrics.expect("`serving` sets the address")
    }

    /// The process number.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Sends a signal; does nothing after it has ended.
    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// SIGKILL. The process has ended when this returns.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Sets its soft limit of file descriptors. Open ones stay open.
    #[track_caller]
    pub fn limit_descriptors(&self, limit: u64) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(pid, Resource::Nofile, Rlimit { current: Some(limit), maximum })
            .expect("the limit of a child");
    }

    /// Whether it has ended.
    pub fn has_exited(&self) -> bool {
        self.process.exit_status().is_some()
    }

    /// Waits for its end and gives its exit code. Death by a signal fails the test.
    #[track_caller]
    pub fn wait_exit(&self, deadline: Duration) -> i32 {
        self.process.wait_exit(deadline)
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// Its metrics now.
    #[track_caller]
    pub fn scrape(&self) -> Scrape {
        Scrape::get(self.addr()).unwrap_or_else(|error| panic!("cannot scrape metrics: {error}"))
    }

    /// Scrapes until `condition` holds. It waits for a page that does not answer yet; it fails at once when the daemon ends.
    #[track_caller]
    pub fn scrape_until(
        &self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut(&Scrape) -> bool,
    ) -> Scrape {
        let mut last = Scrape::default();
        eventually(what, deadline, || {
            assert!(!self.has_exited(), "the daemon ended before: {what}");
            Scrape::get(self.addr()).is_ok_and(|scrape| {
                last = scrape;
                condition(&last)
            })
        });
        last
    }
}
