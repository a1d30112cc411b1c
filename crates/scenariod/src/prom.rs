//! Asks a Prometheus: bounded calls, one per question. What the answers mean is the judge's business.

mod auth;
mod wire;

use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use daemon_core::values::HttpUrl;
use reqwest::{StatusCode, Url};

use crate::judge::Grid;
use crate::judge::evidence::Series;
pub(crate) use auth::{Auth, TOKEN_VARIABLE};
use wire::Answer;

/// A Prometheus that hangs must not hold up the end of a run for long.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// So much of a refusal is passed on.
const MOST_TEXT: usize = 300;

/// A client of one Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct Prometheus {
    http: reqwest::Client,
    base: Url,
    auth: Auth,
}

/// Why there is no answer. No message names what authenticates us.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PromError {
    #[error("cannot make an HTTP client: {reason}")]
    Client { reason: String },
    #[error("cannot read the token file {path}: {reason}")]
    Token { path: String, reason: String },
    #[error("prometheus at {base} does not answer: {reason}")]
    Silent { base: String, reason: String },
    #[error("prometheus at {base} refuses us ({status})")]
    Unauthorized { base: String, status: u16 },
    #[error("prometheus at {base} refuses the query ({status}): {message}")]
    Refused { base: String, status: u16, message: String },
    #[error("what answers at {base} is no prometheus: {reason}")]
    Foreign { base: String, reason: String },
}

impl PromError {
    /// Asking on would only cost time.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, PromError::Silent { .. } | PromError::Unauthorized { .. })
    }
}

impl UserError for PromError {
    fn exit(&self) -> Exit {
        match self {
            PromError::Token { .. } => Exit::Usage,
            PromError::Client { .. } => Exit::Setup,
            PromError::Silent { .. }
            | PromError::Unauthorized { .. }
            | PromError::Refused { .. }
            | PromError::Foreign { .. } => Exit::Inconclusive,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            PromError::Silent { .. } | PromError::Foreign { .. } => Some(
                "`--prometheus URL` names another one; `--no-verdict` walks the phases without a verdict"
                    .to_owned(),
            ),
            PromError::Unauthorized { .. } => Some(
                "`--prometheus-token-file`, LAB_PROMETHEUS_TOKEN or user and password in the URL".to_owned(),
            ),
            PromError::Client { .. } | PromError::Token { .. } | PromError::Refused { .. } => None,
        }
    }
}

impl Prometheus {
    /// User and password of the URL are taken out of it at once.
    pub(crate) fn new(url: &HttpUrl, auth: Auth) -> Result<Prometheus, PromError> {
        let (base, auth) = auth.with_url(url.get());
        // Another crate of the process may have installed a provider: then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(CALL_TIMEOUT)
            // What authenticates us is not carried to another host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| PromError::Client { reason: error.to_string() })?;
        Ok(Prometheus { http, base, auth })
    }

    /// The address, without what authenticates us.
    pub(crate) fn base(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// The answer at a moment, or at its own.
    pub(crate) async fn instant(&self, promql: &str, at: Option<f64>) -> Result<Vec<Series>, PromError> {
        let mut params = vec![("query", promql.to_owned())];
        params.extend(at.map(|at| ("time", format!("{at:.3}"))));
        self.ask("query", &params).await
    }

    /// The answers at every step of the grid.
    pub(crate) async fn range(&self, promql: &str, grid: Grid) -> Result<Vec<Series>, PromError> {
        let params = [
            ("query", promql.to_owned()),
            ("start", format!("{:.3}", grid.first)),
            ("end", format!("{:.3}", grid.last)),
            ("step", format!("{:.3}", grid.step)),
        ];
        self.ask("query_range", &params).await
    }

    async fn ask(&self, endpoint: &str, params: &[(&str, String)]) -> Result<Vec<Series>, PromError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1", endpoint]);
        }
        url.query_pairs_mut().extend_pairs(params);
        let base = || self.base().to_owned();
        let silent = |error: reqwest::Error| PromError::Silent { base: base(), reason: cause(&error) };
        let response = self.auth.on(self.http.get(url)).send().await.map_err(silent)?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(silent)?;
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(PromError::Unauthorized { base: base(), status: status.as_u16() });
            }
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                return Err(PromError::Silent { base: base(), reason: status.to_string() });
            }
            _ => {}
        }
        match Answer::read(&bytes) {
            Ok(Answer::Series(series)) => Ok(series),
            Ok(Answer::Error(message)) => Err(PromError::Refused {
                base: base(),
                status: status.as_u16(),
                message: message.chars().take(MOST_TEXT).collect(),
            }),
            Err(reason) => Err(PromError::Foreign { base: base(), reason }),
        }
    }
}

/// The innermost cause, which says more than the layers around it and does not repeat the URL.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", CALL_TIMEOUT.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
