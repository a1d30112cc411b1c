//! The `health` sub-command: asks a running daemon whether it is alive. For container health checks, where the image
//! holds no other program.

use std::time::Duration;

use crate::exit::{Exit, UserError};
use crate::values::HostPort;

/// An answer may take so long.
const LIMIT: Duration = Duration::from_secs(2);

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

    fn hint(&self) -> Option<String> {
        Some("is it running? `--metrics-addr` names another address".to_owned())
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
        ureq::Agent::config_builder().timeout_global(Some(LIMIT)).proxy(None).build().into();
    match agent.get(format!("http://{addr}/health")).call() {
        Ok(_) => Ok(()),
        Err(error) => Err(Unhealthy { addr, reason: reason(&error) }),
    }
}

fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => format!("nothing answers: {error}"),
        ureq::Error::Timeout(_) => format!("nothing answers within {}", humantime::format_duration(LIMIT)),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::StatusCode(status) => format!("what is there answers GET /health with {status}"),
        _ => "what is there does not speak HTTP".to_owned(),
    }
}
