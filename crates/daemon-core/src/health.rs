//! The `health` sub-command: sends `GET /health` to a running daemon. For container health checks, where the image has
//! no other program that could.

use std::time::Duration;

use crate::exit::{Exit, UserError};
use crate::values::{HostPort, format_duration};

/// The longest time to wait for an answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The daemon does not answer, or is not healthy.
#[derive(Debug, thiserror::Error)]
#[error("health check of {addr} failed: {reason}")]
pub struct HealthError {
    addr: String,
    reason: String,
}

impl UserError for HealthError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hint(&self) -> Option<String> {
        Some("is the daemon running? `--metrics-addr` sets another address".to_owned())
    }
}

/// Sends `GET /health`. A daemon that listens on every address is reached on loopback.
pub fn probe(addr: &HostPort) -> Result<(), HealthError> {
    let host = match addr.host() {
        "0.0.0.0" => "127.0.0.1",
        "::" => "[::1]",
        host => host,
    };
    let addr = format!("{host}:{}", addr.port());
    let agent: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).build().into();
    match agent.get(format!("http://{addr}/health")).call() {
        Ok(_) => Ok(()),
        Err(error) => Err(HealthError { addr, reason: reason(&error) }),
    }
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => format!("no answer: {error}"),
        ureq::Error::Timeout(_) => format!("no answer within {}", format_duration(LIMIT)),
        ureq::Error::HostNotFound => "unknown host".to_owned(),
        ureq::Error::StatusCode(status) => format!("GET /health returned {status}"),
        _ => "not an HTTP server".to_owned(),
    }
}
