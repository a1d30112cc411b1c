//! The `health` sub-command: asks a running daemon whether it is alive. For container health checks, where the image
//! holds no other program.

use std::time::Duration;

use crate::exit::{Exit, UserError};
use crate::values::HostPort;

/// The daemon did not say that it is well.
#[derive(Debug, thiserror::Error)]
#[error("no healthy daemon at {addr}: {reason}")]
pub struct Unhealthy {
    addr: String,
    reason: String,
}

impl UserError for Unhealthy {
    fn exit(&self) -> Exit {
        Exit::Failed
    }
}

/// Asks `/health`; a daemon that listens on every address is asked on loopback.
pub fn probe(addr: &HostPort) -> Result<(), Unhealthy> {
    let host = match addr.host() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "[::1]",
        host => host,
    };
    let addr = format!("{host}:{}", addr.port());
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(2))).proxy(None).build().into();
    match agent.get(format!("http://{addr}/health")).call() {
        Ok(_) => Ok(()),
        Err(error) => Err(Unhealthy { addr, reason: error.to_string() }),
    }
}
