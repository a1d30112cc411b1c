//! A process that tests kill, pause and restart through a shared reference.

use std::sync::{Mutex, MutexGuard};

use rustix::process::Signal;

use super::{Process, StartError, started};

pub(crate) struct SharedProcess(Mutex<Process>);

impl SharedProcess {
    pub(crate) fn new(process: Process) -> Self {
        Self(Mutex::new(process))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.lock().pid()
    }

    /// SIGKILL: connections are reset, later ones are refused.
    pub(crate) fn kill(&self) {
        self.lock().kill();
    }

    /// SIGSTOP: the kernel still accepts connections and data for it, nothing is answered.
    pub(crate) fn pause(&self) {
        self.lock().signal(Signal::STOP);
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.lock().signal(Signal::CONT);
    }

    /// How it ended; `None` while it runs. The last output goes with it.
    pub(crate) fn ended(&self) -> Option<(std::process::ExitStatus, String)> {
        let process = self.lock();
        process.exit_status().map(|status| (status, process.tail()))
    }

    /// Kills it if it runs, then starts the next one.
    #[track_caller]
    pub(crate) fn restart(&self, start: impl FnOnce() -> Result<Process, StartError>) {
        let mut process = self.lock();
        process.kill();
        *process = started(start());
    }

    fn lock(&self) -> MutexGuard<'_, Process> {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}
