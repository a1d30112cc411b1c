//! Errors of a Prometheus client in plain words: the address, what was found, and a hint. The messages of the HTTP and TLS
//! libraries are replaced, because they do not help a user who mistyped a URL.

use std::io;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use daemon_core::secrets::plain_url;
use reqwest::{StatusCode, Url};

use crate::http::{TlsProblem, layers, tls_problem, unsent_reason};

/// A Prometheus that hangs must not delay the end of a run for long.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(3);
pub(super) const INCOMPLETE: &str = "its response is incomplete";
/// Characters of an unexpected response that are shown.
const MAX_EXCERPT: usize = 80;

/// Why a query has no result. No message contains credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PrometheusError {
    #[error("cannot create an HTTP client: {reason}")]
    Client { reason: String },
    #[error("cannot read the token file {path}: {reason}")]
    Token { path: String, reason: String },
    /// The place is a file or a variable.
    #[error("invalid token in {place}: {rule}")]
    InvalidToken { place: String, rule: String },
    /// Nothing was sent, so Prometheus is not the cause.
    #[error("cannot send a request to prometheus: {reason}")]
    Unsent { reason: String },
    #[error("prometheus at {base} does not answer: {reason}")]
    Unavailable { base: String, reason: String },
    #[error("prometheus at {base} does not support TLS")]
    TlsUnsupported { base: String },
    #[error("prometheus at {base} requires TLS")]
    TlsRequired { base: String },
    #[error("prometheus at {base} is not trusted: {reason}")]
    Untrusted { base: String, reason: &'static str },
    #[error("prometheus at {base} denies access ({status})")]
    Unauthorized { base: String, status: u16 },
    #[error("prometheus at {base} rejects the query ({status}): {message}")]
    Rejected { base: String, status: u16, message: String },
    #[error("the server at {base} is not a prometheus: {found}")]
    NotPrometheus { base: String, found: String },
}

impl PrometheusError {
    /// Whether further queries would fail as well.
    pub(crate) fn is_unavailable(&self) -> bool {
        !matches!(self, PrometheusError::Rejected { .. })
    }

    /// From the errors below a failed call.
    pub(super) fn transport(base: String, error: &reqwest::Error) -> PrometheusError {
        let unavailable =
            |reason: &str| PrometheusError::Unavailable { base: base.clone(), reason: reason.to_owned() };
        if error.is_timeout() {
            return unavailable(&format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
        }
        if let Some(reason) = unsent_reason(error) {
            return PrometheusError::Unsent { reason };
        }
        match tls_problem(error) {
            Some(TlsProblem::Unsupported) => return PrometheusError::TlsUnsupported { base },
            Some(TlsProblem::Untrusted(reason)) => return PrometheusError::Untrusted { base, reason },
            None => {}
        }
        let io = layers(error).filter_map(|layer| layer.downcast_ref::<io::Error>()).find_map(io_reason);
        io.map(unavailable).unwrap_or_else(|| {
            if error.is_connect() {
                // Name resolution is the only connect error without a type of its own.
                unavailable("cannot resolve its host name")
            } else if error.is_body() || error.is_decode() {
                unavailable(INCOMPLETE)
            } else {
                unavailable("it closed the connection or does not speak HTTP")
            }
        })
    }

    /// From a response that Prometheus would not send.
    pub(super) fn unexpected(
        base: String,
        status: StatusCode,
        response: &UnexpectedResponse<'_>,
    ) -> PrometheusError {
        let text = String::from_utf8_lossy(response.body);
        let line: String = text.lines().next().unwrap_or_default().chars().take(MAX_EXCERPT).collect();
        // Servers that only serve TLS say so in different words, but all mention HTTPS.
        if status == StatusCode::BAD_REQUEST && text.contains("HTTPS") {
            return PrometheusError::TlsRequired { base };
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return PrometheusError::Unavailable { base, reason: status.to_string() };
        }
        let content = match response.kind {
            _ if status.is_redirection() => response.location.map_or_else(
                || "a redirect".to_owned(),
                |to| format!("a redirect to {}", without_secrets(to)),
            ),
            _ if response.body.is_empty() => "an empty response".to_owned(),
            "text/html" => "a web page".to_owned(),
            "application/json" => "unknown JSON".to_owned(),
            _ if line.chars().all(|c| !c.is_control()) => format!("\"{}\"", line.trim()),
            _ => format!("{} bytes", response.body.len()),
        };
        PrometheusError::NotPrometheus { base, found: format!("{status}, {content}") }
    }
}

/// The parts of a response that show what kind of server sent it.
#[derive(Debug)]
pub(super) struct UnexpectedResponse<'a> {
    /// The content type.
    pub(super) kind: &'a str,
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// The place of a redirect without its secrets.
fn without_secrets(location: &str) -> String {
    match Url::parse(location) {
        Ok(url) => plain_url(&url),
        Err(_) => location.split(['?', '#']).next().unwrap_or_default().chars().take(MAX_EXCERPT).collect(),
    }
}

fn io_reason(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some("it closed the connection")
        }
        io::ErrorKind::UnexpectedEof => Some(INCOMPLETE),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some("no route to host"),
        io::ErrorKind::TimedOut => Some("the connection timed out"),
        _ => None,
    }
}

impl UserError for PrometheusError {
    fn exit(&self) -> Exit {
        match self {
            PrometheusError::Token { .. } | PrometheusError::InvalidToken { .. } => Exit::Usage,
            PrometheusError::Client { .. } => Exit::Setup,
            PrometheusError::Unsent { .. }
            | PrometheusError::Unavailable { .. }
            | PrometheusError::TlsUnsupported { .. }
            | PrometheusError::TlsRequired { .. }
            | PrometheusError::Untrusted { .. }
            | PrometheusError::Unauthorized { .. }
            | PrometheusError::Rejected { .. }
            | PrometheusError::NotPrometheus { .. } => Exit::Inconclusive,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PrometheusError::Unavailable { .. } | PrometheusError::NotPrometheus { .. } => {
                "`--prometheus URL` selects another Prometheus; `--no-verdict` runs without a verdict".to_owned()
            }
            PrometheusError::TlsUnsupported { base } => {
                format!("try {}", base.replacen("https://", "http://", 1))
            }
            PrometheusError::TlsRequired { base } => {
                format!("try {}", base.replacen("http://", "https://", 1))
            }
            PrometheusError::Unauthorized { .. } => {
                "pass a token with `--prometheus-token-file` or LAB_PROMETHEUS_TOKEN, or put user and password into the URL"
                    .to_owned()
            }
            PrometheusError::Client { .. }
            | PrometheusError::Token { .. }
            | PrometheusError::InvalidToken { .. }
            | PrometheusError::Unsent { .. }
            | PrometheusError::Untrusted { .. }
            | PrometheusError::Rejected { .. } => return None,
        })
    }
}
