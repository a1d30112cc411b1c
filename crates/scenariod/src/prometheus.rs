//! Asks a Prometheus: bounded calls, one per question. What the answers mean is the judge's business.

mod auth;
mod error;
mod series;
mod wire;

use daemon_core::values::HttpUrl;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};

pub(crate) use auth::{Auth, TOKEN_VARIABLE};
pub(crate) use error::PromError;
use error::{CALL_TIMEOUT, Seen};
pub(crate) use series::{Grid, Series};
use wire::{Answer, NoAnswer};

use crate::http::{client_builder, join_path, trim_slash};

/// So much of a refusal is passed on.
const MOST_TEXT: usize = 300;
/// No answer to a question of ours is longer.
const MOST_BYTES: usize = 32 << 20;

/// A client of one Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct Prometheus {
    http: reqwest::Client,
    base: Url,
    auth: Auth,
}

impl Prometheus {
    /// User and password of the URL are taken out of it at once.
    pub(crate) fn new(url: &HttpUrl, auth: Auth) -> Result<Prometheus, PromError> {
        let (base, auth) = auth.with_url(url.get());
        let http = client_builder()
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| PromError::Client { reason: error.to_string() })?;
        Ok(Prometheus { http, base, auth })
    }

    /// The address, without what authenticates us.
    pub(crate) fn base(&self) -> &str {
        trim_slash(&self.base)
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
        let mut url = join_path(&self.base, ["api", "v1", endpoint]);
        url.query_pairs_mut().extend_pairs(params);
        let base = || self.base().to_owned();
        let failed = |error: reqwest::Error| PromError::transport(base(), &error);
        let mut response = self.auth.on(self.http.get(url)).send().await.map_err(failed)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&part);
            if bytes.len() > MOST_BYTES {
                let seen = format!("{status}, more than {} MB", MOST_BYTES >> 20);
                return Err(PromError::Foreign { base: base(), seen });
            }
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(PromError::Unauthorized { base: base(), status: status.as_u16() });
        }
        match Answer::read(&bytes) {
            // Prometheus says so of itself while it starts or is overloaded.
            Ok(Answer::Error(_)) if status == StatusCode::SERVICE_UNAVAILABLE => {
                Err(PromError::Silent { base: base(), reason: status.to_string() })
            }
            Ok(Answer::Series(series)) if status.is_success() => Ok(series),
            Ok(Answer::Error(message)) => Err(PromError::Refused {
                base: base(),
                status: status.as_u16(),
                message: message.chars().take(MOST_TEXT).collect(),
            }),
            Err(NoAnswer::Cut) if status.is_success() => {
                Err(PromError::Silent { base: base(), reason: "its answer broke off".to_owned() })
            }
            Ok(Answer::Series(_)) | Err(_) => {
                let header = |name| response.headers().get(name)?.to_str().ok();
                let kind = header(CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default();
                let seen = Seen { kind: kind.trim(), location: header(LOCATION), body: &bytes };
                Err(PromError::foreign(base(), status, &seen))
            }
        }
    }
}

#[cfg(test)]
mod tests;
