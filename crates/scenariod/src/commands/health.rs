//! `scenariod health`: asks a running daemon whether it is healthy.

use daemon_core::exit::{Exit, Failure, UserError};
use daemon_core::health;
use daemon_core::values::HostPort;

use super::context::load_lab;
use crate::cli::Cli;
use crate::settings::Settings;

/// Where no address is named and nobody answers at that of a run.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct NoRun {
    cause: health::Unhealthy,
    guard: HostPort,
}

impl UserError for NoRun {
    fn exit(&self) -> Exit {
        self.cause.exit()
    }

    fn hint(&self) -> Option<String> {
        let asks = format!("`scenariod health --metrics-addr {}` asks the guard", self.guard);
        Some(format!("no scenario is running, or it serves elsewhere; {asks}"))
    }
}

/// The health of the daemon at the address given, else of a run of this lab.
pub(crate) fn health(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.metrics_addr {
        Some(addr) => health::probe(addr)?,
        None => {
            let Settings { metrics_addr, guard_addr: guard, .. } =
                Settings::new(&load_lab(cli)?, None, None)?;
            health::probe(&metrics_addr).map_err(|cause| NoRun { cause, guard })?;
        }
    }
    Ok(Exit::Ok)
}
