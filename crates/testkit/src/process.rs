//! A child process that never outlives its owner. Its output is kept, and shown when a test fails.

mod launch;
mod shared;
mod spawn;

use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tempfile::TempDir;

use crate::environment::clear_environment;
use crate::wait::eventually;

pub(crate) use launch::launch;
pub(crate) use shared::SharedProcess;

const TAIL: usize = 40; // lines shown of each stream

/// Why a program did not start. The text ends with the program's last output, if it printed any.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no process.
    #[error("cannot start {program}: {cause}")]
    Spawn {
        /// Its name.
        program: String,
        /// What the system says.
        cause: io::Error,
    },
    /// It ended before it answered.
    #[error("{program} ended before it answered: {status}\n{output}")]
    Ended {
        /// Its name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// Its last output.
        output: String,
    },
    /// It runs and does not answer.
    #[error("{program} did not answer within {limit:?}\n{output}")]
    Silent {
        /// Its name.
        program: String,
        /// The time it had.
        limit: Duration,
        /// Its last output.
        output: String,
    },
    /// Other processes took each port first.
    #[error("cannot start {program}: another process took its port, {attempts} times")]
    Ports {
        /// Its name.
        program: String,
        /// How many ports were tried.
        attempts: usize,
    },
}

/// The value, for a test.
#[track_caller]
pub(crate) fn started<T>(result: Result<T, StartError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// A running program, killed on drop, also when the owning process is killed.
pub struct Process {
    name: String,
    child: Mutex<Child>,
    output: TempDir,
}

impl Process {
    /// Starts `command` without the variables that [`command`](crate::command) clears. `name` is for messages.
    /// Standard input is empty.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, mut command: Command) -> Result<Self, StartError> {
        let output = tempfile::tempdir().expect("temporary folder");
        let stream = |file: &str| File::create(output.path().join(file)).expect("output file");
        command.stdin(Stdio::null()).stdout(stream("stdout")).stderr(stream("stderr"));
        clear_environment(&mut command);
        match spawn::spawn(command) {
            Ok(child) => Ok(Self { name: name.to_owned(), child: Mutex::new(child), output }),
            Err(cause) => Err(StartError::Spawn { program: name.to_owned(), cause }),
        }
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process number.
    pub fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Sends a signal. Does nothing after the process has ended: another process may have its number by then. After
    /// SIGSTOP every thread has stopped when this returns.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("pid");
        let fail = |error| panic!("cannot signal {}: {error}", self.name);
        rustix::process::kill_process(pid, signal).unwrap_or_else(fail);
        if signal == Signal::STOP {
            // NOWAIT: if it ends instead, its exit status stays for `exit_status`.
            let change = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            rustix::process::waitid(WaitId::Pid(pid), change).map(drop).unwrap_or_else(fail);
        }
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child().try_wait().unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    /// SIGKILL. The process has ended when this returns.
    pub fn kill(&self) {
        let mut child = self.child();
        let _ = child.kill(); // fails only when it has ended
        let _ = child.wait();
    }

    /// Waits for its end and gives its exit code.
    ///
    /// # Panics
    /// When it does not end within `deadline` or a signal killed it.
    #[track_caller]
    pub fn wait_exit(&self, deadline: Duration) -> i32 {
        eventually(&format!("the end of {}", self.name), deadline, || self.exit_status().is_some());
        let status = self.exit_status().expect("has ended");
        status.code().unwrap_or_else(|| panic!("{} was killed by signal {:?}", self.name, status.signal()))
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stream("stdout")
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stream("stderr")
    }

    /// The last lines of both streams, for a message.
    pub fn tail(&self) -> String {
        let mut shown = String::new();
        for stream in ["stdout", "stderr"] {
            let text = self.stream(stream);
            let lines: Vec<_> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                shown += &format!("{} {stream} | {line}\n", self.name);
            }
        }
        shown
    }

    fn stream(&self, file: &str) -> String {
        let bytes = fs::read(self.output.path().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprint!("{}", self.tail());
        }
    }
}
