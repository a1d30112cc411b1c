//! A real memcached.

mod connection;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

use crate::environment::command;
use crate::ports;
use crate::process::{Process, SharedProcess, StartError, launch, started};
use crate::programs::program;

pub use connection::MemcachedConnection;

/// How a memcached is started.
#[derive(Debug, Clone, Default)]
pub struct MemcachedOptions {
    /// A program and its arguments that execute memcached, e.g. to bind it to a CPU: they come before memcached's path.
    pub wrapper: Vec<OsString>,
    /// Arguments after the kit's own ones, which they override.
    pub arguments: Vec<String>,
}

/// A memcached on a free loopback port, killed on drop.
pub struct Memcached {
    addr: SocketAddr,
    options: MemcachedOptions,
    process: SharedProcess,
}

impl Memcached {
    /// Starts one; it answers when this returns.
    #[track_caller]
    pub fn start() -> Self {
        started(Self::start_with(MemcachedOptions::default()))
    }

    /// As [`Memcached::start`], with options.
    ///
    /// # Errors
    /// When it does not start.
    ///
    /// # Panics
    /// When the program memcached is missing.
    #[track_caller]
    pub fn start_with(options: MemcachedOptions) -> Result<Self, StartError> {
        let (addr, process) = run(&options, || ports::reserve().addr)?;
        Ok(Self { addr, options, process: SharedProcess::new(process) })
    }

    /// Where it listens; a restart keeps the address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process number of the memcached that runs now.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// How it ended, with its last output; `None` while it runs.
    pub fn ended(&self) -> Option<(ExitStatus, String)> {
        self.process.ended()
    }

    /// SIGKILL: connections are reset, later ones are refused.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Kills it if it runs and starts an empty one on the same port.
    #[track_caller]
    pub fn restart(&self) {
        self.process.restart(|| run(&self.options, || self.addr).map(|(_, process)| process));
    }

    /// SIGSTOP: the kernel accepts connections, nothing is answered.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// Its statistics, read over a connection of their own.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn stats(&self) -> BTreeMap<String, String> {
        stats(self.addr).unwrap_or_else(|error| panic!("memcached {} does not answer: {error}", self.addr))
    }
}

fn stats(addr: SocketAddr) -> std::io::Result<BTreeMap<String, String>> {
    MemcachedConnection::open(addr)?.stats()
}

#[track_caller]
fn run(
    options: &MemcachedOptions,
    port: impl Fn() -> SocketAddr,
) -> Result<(SocketAddr, Process), StartError> {
    let memcached = program("memcached");
    let plan = || {
        let addr = port();
        let mut command = wrapped(&options.wrapper, &memcached);
        command.arg("-l").arg(addr.ip().to_string()).arg("-p").arg(addr.port().to_string());
        command.args(["-U", "0", "-m", "64", "-c", "4096"]);
        if rustix::process::geteuid().is_root() {
            // As root it needs this option. As another user it would lose the signal that ends it with its parent.
            command.args(["-u", "root"]);
        }
        command.args(&options.arguments);
        (addr, command)
    };
    // The answer must come from this process: another process may have taken the port first.
    launch("memcached", plan, |addr, pid| {
        stats(*addr).is_ok_and(|stats| stats.get("pid") == Some(&pid.to_string()))
    })
}

fn wrapped(wrapper: &[OsString], program: &std::path::Path) -> Command {
    match wrapper {
        [] => command(program),
        [first, rest @ ..] => {
            let mut command = command(first);
            command.args(rest).arg(program);
            command
        }
    }
}
