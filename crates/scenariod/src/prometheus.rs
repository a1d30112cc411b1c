//! Queries a Prometheus: one bounded HTTP call per query. What the results mean is decided elsewhere.

mod auth;
mod error;
mod series;
mod wire;

use daemon_core::values::HttpUrl;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};

use crate::http::{client_builder, join_path};
pub(crate) use auth::{Auth, TOKEN_VARIABLE};
pub(crate) use error::PrometheusError;
use error::{CALL_TIMEOUT, INCOMPLETE, UnexpectedResponse};
pub(crate) use series::{Grid, Series};
use wire::{ApiResponse, DecodeError};

/// Characters of an error message that are shown.
const MAX_MESSAGE: usize = 300;
/// A longer response is not an answer to any of our queries.
const MAX_RESPONSE: usize = 32 << 20;

/// A client for one Prometheus.
#[derive(Clone, Debug)]
pub(crate) struct Prometheus {
    http: reqwest::Client,
    base: Url,
    /// The address without its secrets.
    shown: String,
    auth: Auth,
}

impl Prometheus {
    /// Removes user and password from the URL at once, so that they are never printed.
    pub(crate) fn new(url: &HttpUrl, auth: Auth) -> Result<Prometheus, PrometheusError> {
        let (base, auth) = auth.with_url(url.get());
        let shown = url.to_string();
        let http = client_builder()
            .timeout(CALL_TIMEOUT)
            .build()
            .map_err(|error| PrometheusError::Client { reason: error.to_string() })?;
        Ok(Prometheus { http, base, shown, auth })
    }

    /// The address without its secrets.
    pub(crate) fn base(&self) -> &str {
        &self.shown
    }

    /// Runs an instant query at a time, by default at the current time of the server.
    pub(crate) async fn instant(
        &self,
        promql: &str,
        at: Option<f64>,
    ) -> Result<Vec<Series>, PrometheusError> {
        let mut params = vec![("query", promql.to_owned())];
        params.extend(at.map(|at| ("time", format!("{at:.3}"))));
        self.query("query", &params).await
    }

    /// Runs a range query over the grid.
    pub(crate) async fn range(&self, promql: &str, grid: Grid) -> Result<Vec<Series>, PrometheusError> {
        let params = [
            ("query", promql.to_owned()),
            ("start", format!("{:.3}", grid.first)),
            ("end", format!("{:.3}", grid.last)),
            ("step", format!("{:.3}", grid.step)),
        ];
        self.query("query_range", &params).await
    }

    async fn query(&self, endpoint: &str, params: &[(&str, String)]) -> Result<Vec<Series>, PrometheusError> {
        let mut url = join_path(&self.base, ["api", "v1", endpoint]);
        url.query_pairs_mut().extend_pairs(params);
        let base = || self.base().to_owned();
        let failed = |error: reqwest::Error| PrometheusError::transport(base(), &error);
        let mut response = self.auth.apply(self.http.get(url)).send().await.map_err(failed)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&part);
            if bytes.len() > MAX_RESPONSE {
                let found = format!("{status}, more than {} MB", MAX_RESPONSE >> 20);
                return Err(PrometheusError::NotPrometheus { base: base(), found });
            }
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(PrometheusError::Unauthorized { base: base(), status: status.as_u16() });
        }
        match ApiResponse::decode(&bytes) {
            // Prometheus sends this while it starts or is overloaded.
            Ok(ApiResponse::Error(_)) if status == StatusCode::SERVICE_UNAVAILABLE => {
                Err(PrometheusError::Unavailable { base: base(), reason: status.to_string() })
            }
            Ok(ApiResponse::Series(series)) if status.is_success() => Ok(series),
            Ok(ApiResponse::Error(message)) => Err(PrometheusError::Rejected {
                base: base(),
                status: status.as_u16(),
                message: message.chars().take(MAX_MESSAGE).collect(),
            }),
            Err(DecodeError::Incomplete) if status.is_success() => {
                Err(PrometheusError::Unavailable { base: base(), reason: INCOMPLETE.to_owned() })
            }
            Ok(ApiResponse::Series(_)) | Err(_) => {
                let header = |name| response.headers().get(name)?.to_str().ok();
                let kind = header(CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default();
                let unexpected =
                    UnexpectedResponse { kind: kind.trim(), location: header(LOCATION), body: &bytes };
                Err(PrometheusError::unexpected(base(), status, &unexpected))
            }
        }
    }
}

#[cfg(test)]
mod tests;
