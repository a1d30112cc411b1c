//! What can be wrong with an answer of a Prometheus, in words: what was asked, what was seen, what may help. The
//! libraries below have words of their own, which say nothing to whoever mistyped a URL.

use std::error::Error;
use std::io;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use reqwest::{StatusCode, Url};

/// A Prometheus that hangs must not hold up the end of a run for long.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// So much of a strange answer is passed on.
const MOST_TEXT: usize = 80;

/// Why there is no answer. No message names what authenticates us.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PromError {
    #[error("cannot make an HTTP client: {reason}")]
    Client { reason: String },
    #[error("cannot read the token file {path}: {reason}")]
    Token { path: String, reason: String },
    #[error("prometheus at {base} does not answer: {reason}")]
    Silent { base: String, reason: String },
    #[error("prometheus at {base} speaks no TLS")]
    Plain { base: String },
    #[error("prometheus at {base} wants TLS")]
    Tls { base: String },
    #[error("prometheus at {base} is not trusted: {reason}")]
    Untrusted { base: String, reason: &'static str },
    #[error("prometheus at {base} refuses us ({status})")]
    Unauthorized { base: String, status: u16 },
    #[error("prometheus at {base} refuses the query ({status}): {message}")]
    Refused { base: String, status: u16, message: String },
    #[error("what answers at {base} is no prometheus: {seen}")]
    Foreign { base: String, seen: String },
}

impl PromError {
    /// Asking on would only cost time.
    pub(crate) fn is_silence(&self) -> bool {
        !matches!(self, PromError::Refused { .. })
    }

    /// From the layers of a call that failed on its way.
    pub(super) fn transport(base: String, error: &reqwest::Error) -> PromError {
        let silent = |reason: &str| PromError::Silent { base: base.clone(), reason: reason.to_owned() };
        if error.is_timeout() {
            return silent(&format!("no answer within {} s", CALL_TIMEOUT.as_secs()));
        }
        let told = layers(error).find_map(|layer| {
            if let Some(tls) = layer.downcast_ref::<rustls::Error>() {
                return Some(tls_words(base.clone(), tls));
            }
            layer.downcast_ref::<io::Error>().and_then(|error| io_words(error)).map(silent)
        });
        told.unwrap_or_else(|| {
            if error.is_connect() {
                // What has no type of its own here is the search for the name.
                silent("its host name leads nowhere")
            } else if error.is_body() || error.is_decode() {
                silent("its answer broke off")
            } else {
                silent("it closed the connection or does not speak HTTP")
            }
        })
    }

    /// From an answer that is not what Prometheus sends.
    pub(super) fn foreign(base: String, status: StatusCode, seen: &Seen<'_>) -> PromError {
        let text = String::from_utf8_lossy(seen.body);
        let line: String = text.lines().next().unwrap_or_default().chars().take(MOST_TEXT).collect();
        // Every server that serves TLS alone says so in its own words, all of them with this one.
        if status == StatusCode::BAD_REQUEST && text.contains("HTTPS") {
            return PromError::Tls { base };
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return PromError::Silent { base, reason: status.to_string() };
        }
        let what = match seen.kind {
            _ if status.is_redirection() => seen
                .location
                .map_or_else(|| "a redirect".to_owned(), |to| format!("a redirect to {}", plain(to))),
            _ if seen.body.is_empty() => "an empty answer".to_owned(),
            "text/html" => "a web page".to_owned(),
            "application/json" => "JSON of another kind".to_owned(),
            _ if line.chars().all(|c| !c.is_control()) => format!("\"{}\"", line.trim()),
            _ => format!("{} bytes", seen.body.len()),
        };
        PromError::Foreign { base, seen: format!("{status}, {what}") }
    }
}

/// The parts of an answer by which a stranger is told.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) kind: &'a str,
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// Without query, user and password, which may hold what is nobody's business.
fn plain(location: &str) -> String {
    let Ok(mut url) = Url::parse(location) else {
        return location.split(['?', '#']).next().unwrap_or_default().chars().take(MOST_TEXT).collect();
    };
    // Refused only for URLs that can have neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// The error and what is below it; an `io::Error` hides what it carries from `source`.
fn layers<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |layer| below(*layer))
}

fn below<'a>(layer: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match layer.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => layer.source(),
    }
}

fn io_words(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some("nobody listens there"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Some("it closed the connection")
        }
        io::ErrorKind::UnexpectedEof => Some("its answer broke off"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Some("there is no way to it"),
        io::ErrorKind::TimedOut => Some("it cannot be reached"),
        _ => None,
    }
}

fn tls_words(base: String, error: &rustls::Error) -> PromError {
    use rustls::CertificateError as Wrong;

    let reason = match error {
        rustls::Error::InvalidMessage(_) => return PromError::Plain { base },
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } => "its certificate has expired",
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            Wrong::UnknownIssuer => "nobody this machine knows signed its certificate",
            _ => "its certificate is not valid",
        },
        _ => "it agrees to no TLS that is safe",
    };
    PromError::Untrusted { base, reason }
}

impl UserError for PromError {
    fn exit(&self) -> Exit {
        match self {
            PromError::Token { .. } => Exit::Usage,
            PromError::Client { .. } => Exit::Setup,
            PromError::Silent { .. }
            | PromError::Plain { .. }
            | PromError::Tls { .. }
            | PromError::Untrusted { .. }
            | PromError::Unauthorized { .. }
            | PromError::Refused { .. }
            | PromError::Foreign { .. } => Exit::Inconclusive,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            PromError::Silent { .. } | PromError::Foreign { .. } => {
                "`--prometheus URL` names another one; `--no-verdict` walks the phases without a verdict"
                    .to_owned()
            }
            PromError::Plain { base } => format!("is it {}?", base.replacen("https://", "http://", 1)),
            PromError::Tls { base } => format!("is it {}?", base.replacen("http://", "https://", 1)),
            PromError::Unauthorized { .. } => {
                "`--prometheus-token-file`, LAB_PROMETHEUS_TOKEN or user and password in the URL".to_owned()
            }
            PromError::Client { .. }
            | PromError::Token { .. }
            | PromError::Untrusted { .. }
            | PromError::Refused { .. } => return None,
        })
    }
}
