//! Why a call to Toxiproxy failed, what its caller may conclude from that, and the hint for a Toxiproxy that is not reachable.

use std::error::Error;
use std::time::Duration;

use crate::http::{TlsProblem, tls_problem, unsent_reason};
use crate::text::format_duration;

/// The hint of every command that cannot reach Toxiproxy.
pub(crate) const UNREACHABLE_HINT: &str = "is the lab running? check with `just status`, start it with `just up`, or name another Toxiproxy with `--toxiproxy`";

/// Why a call failed. `call` is its method and its URL without secrets.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ToxiproxyError {
    #[error("cannot set up the HTTP client: {reason}")]
    Client { reason: String },
    /// Nothing was sent, so Toxiproxy is not the cause.
    #[error("cannot send a request: {call}: {reason}")]
    Unsent { call: String, reason: String },
    #[error("cannot connect to toxiproxy: {call}: {reason}")]
    Connect { call: String, reason: String },
    #[error("toxiproxy did not answer within {}: {call}", format_duration(*.limit))]
    TimedOut { call: String, limit: Duration },
    #[error("the connection to toxiproxy broke: {call}: {reason}")]
    Broken { call: String, reason: String },
    #[error("toxiproxy answered {status}: {call}: {message}")]
    Refused { call: String, status: u16, message: String },
    #[error("not a Toxiproxy: {call}: {answer}")]
    NotToxiproxy { call: String, answer: String },
}

impl ToxiproxyError {
    pub(super) fn transport(call: String, limit: Duration, error: &reqwest::Error) -> ToxiproxyError {
        if let Some(reason) = unsent_reason(error) {
            ToxiproxyError::Unsent { call, reason }
        } else if error.is_connect() {
            let reason = match tls_problem(error) {
                Some(TlsProblem::Unsupported) => "it does not support TLS, use http://".to_owned(),
                Some(TlsProblem::Untrusted(reason)) => format!("it is not trusted: {reason}"),
                None => root_cause(error),
            };
            ToxiproxyError::Connect { call, reason }
        } else if error.is_timeout() {
            ToxiproxyError::TimedOut { call, limit }
        } else {
            ToxiproxyError::Broken { call, reason: root_cause(error) }
        }
    }

    /// Whether Toxiproxy may still have carried out the call, or may do so later.
    pub(crate) fn may_have_applied(&self) -> bool {
        match self {
            ToxiproxyError::Client { .. }
            | ToxiproxyError::Unsent { .. }
            | ToxiproxyError::Connect { .. } => false,
            ToxiproxyError::TimedOut { .. }
            | ToxiproxyError::Broken { .. }
            | ToxiproxyError::NotToxiproxy { .. } => true,
            ToxiproxyError::Refused { status, .. } => *status >= 500,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, ToxiproxyError::Unsent { .. } | ToxiproxyError::Connect { .. })
            || self.may_have_applied()
    }
}

/// The innermost reason: the outer ones only repeat the URL.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
