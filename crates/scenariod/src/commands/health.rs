//! `scenariod health`: checks the health of a running daemon. It reads nothing but `/health`.

use daemon_core::exit::{Exit, Failure, UserError};
use daemon_core::health;
use daemon_core::values::HostPort;

use super::context::load_lab;
use crate::cli::args::HealthArgs;
use crate::settings::Settings;

/// No address is given, and no run of this lab answers.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct NoRun {
    cause: health::HealthError,
    guard: HostPort,
}

impl UserError for NoRun {
    fn exit(&self) -> Exit {
        self.cause.exit()
    }

    fn hint(&self) -> Option<String> {
        let guard = format!("`scenariod health --metrics-addr {}` checks the guard", self.guard);
        Some(format!("no scenario is running, or it serves at another address; {guard}"))
    }
}

/// Checks the daemon at the given address, else a run of this lab.
pub(crate) fn health(args: &HealthArgs) -> Result<Exit, Failure> {
    match &args.metrics_addr {
        Some(addr) => health::probe(addr)?,
        None => {
            let Settings { metrics_addr, guard_addr: guard, .. } =
                Settings::new(&load_lab(&args.lab)?, None, None)?;
            health::probe(&metrics_addr).map_err(|cause| NoRun { cause, guard })?;
        }
    }
    Ok(Exit::Ok)
}
