//! What can go wrong in one call to Toxiproxy, and what the caller may conclude from it.

use std::error::Error;
use std::time::Duration;

use crate::text::format_duration;

/// A call that did not do what it was to do.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ToxiproxyError {
    #[error("cannot set up the HTTP client: {reason}")]
    Client { reason: String },
    #[error("toxiproxy does not answer: {call}: {reason}")]
    Connect { call: String, reason: String },
    #[error("toxiproxy did not answer within {}: {call}", format_duration(*.limit))]
    TimedOut { call: String, limit: Duration },
    #[error("the answer of toxiproxy broke off: {call}: {reason}")]
    Broken { call: String, reason: String },
    #[error("toxiproxy answered {status}: {call}: {message}")]
    Refused { call: String, status: u16, message: String },
    #[error("what answers is no toxiproxy: {call}: {answer}")]
    Stranger { call: String, answer: String },
}

impl ToxiproxyError {
    /// `call` names method and URL.
    pub(super) fn transport(call: String, limit: Duration, error: &reqwest::Error) -> ToxiproxyError {
        if error.is_connect() {
            ToxiproxyError::Connect { call, reason: root_cause(error) }
        } else if error.is_timeout() {
            ToxiproxyError::TimedOut { call, limit }
        } else {
            ToxiproxyError::Broken { call, reason: root_cause(error) }
        }
    }

    /// Whether the server may have done it all the same, now or later.
    pub(crate) fn may_have_applied(&self) -> bool {
        match self {
            ToxiproxyError::Client { .. } | ToxiproxyError::Connect { .. } => false,
            ToxiproxyError::TimedOut { .. }
            | ToxiproxyError::Broken { .. }
            | ToxiproxyError::Stranger { .. } => true,
            ToxiproxyError::Refused { status, .. } => *status >= 500,
        }
    }

    /// Whether the same call may end better in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, ToxiproxyError::Connect { .. }) || self.may_have_applied()
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
