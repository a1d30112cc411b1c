//! A client under measurement: a process on given CPUs that must not end before its measurement does.

use std::ffi::OsStr;
use std::time::Duration;

use testkit::{Process, command, holds_within};

use crate::error::BenchError;
use crate::pinned;

pub(crate) struct Client(Process);

impl Client {
    /// Runs `program`, named `name` in messages, on `cpus` only.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &OsStr,
        args: impl IntoIterator<Item = A>,
        cpus: &[usize],
    ) -> Result<Self, BenchError> {
        let [own, wrapper @ ..] = &pinned::wrapper(cpus)?;
        let mut command = command(own);
        command.args(wrapper).arg(program).args(args);
        Ok(Self(Process::start(name, command)?))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// An error with the last output, if it has ended.
    pub(crate) fn check_running(&self) -> Result<(), BenchError> {
        match self.0.exit_status() {
            None => Ok(()),
            Some(status) => {
                Err(BenchError::Ended { program: self.0.name().to_owned(), status, output: self.0.tail() })
            }
        }
    }

    /// Waits until `condition` holds; an error when the client ends or does not get there within `limit`.
    pub(crate) fn wait_for(
        &self,
        condition: &'static str,
        limit: Duration,
        mut holds: impl FnMut() -> Result<bool, BenchError>,
    ) -> Result<(), BenchError> {
        let in_time = holds_within(limit, || {
            self.check_running()?;
            holds()
        })?;
        if in_time { Ok(()) } else { Err(self.late(condition, limit)) }
    }

    /// The standard output of a client that ends by itself, once it has ended.
    pub(crate) fn output(&self, limit: Duration) -> Result<String, BenchError> {
        let ended = holds_within(limit, || Ok::<_, BenchError>(self.0.exit_status().is_some()))?;
        if ended { Ok(self.0.stdout()) } else { Err(self.late("its end", limit)) }
    }

    /// The error for a condition that did not hold in time.
    pub(crate) fn late(&self, condition: &'static str, limit: Duration) -> BenchError {
        BenchError::Late { program: self.0.name().to_owned(), condition, limit }
    }
}
