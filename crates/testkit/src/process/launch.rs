//! Starting a program that binds ports: wait for its answer, and retry when another process took a port.

use std::process::Command;
use std::time::Duration;

use super::{Process, StartError};
use crate::wait::holds_within;

const ATTEMPTS: usize = 5;
const LIMIT: Duration = Duration::from_secs(30);

/// Starts a program and waits until it is `ready`. Each attempt calls `plan` for its ports and command.
pub(crate) fn launch<P>(
    name: &str,
    plan: impl Fn() -> (P, Command),
    ready: impl Fn(&P, u32) -> bool,
) -> Result<(P, Process), StartError> {
    for _ in 0..ATTEMPTS {
        let (ports, command) = plan();
        let process = Process::start(name, command)?;
        let in_time = holds_within::<StartError>(LIMIT, || {
            Ok(process.exit_status().is_some() || ready(&ports, process.pid()))
        })?;
        let (program, output) = (name.to_owned(), process.tail());
        match process.exit_status() {
            None if in_time => return Ok((ports, process)),
            None => return Err(StartError::Silent { program, limit: LIMIT, output }),
            Some(_) if output.to_lowercase().contains("address already in use") => {}
            Some(status) => return Err(StartError::Ended { program, status, output }),
        }
    }
    Err(StartError::Ports { program: name.to_owned(), attempts: ATTEMPTS })
}
