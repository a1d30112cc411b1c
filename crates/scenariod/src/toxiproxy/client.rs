//! One bounded HTTP call per method. Repeating, and what a failure means, is the caller's business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon_core::values::HttpUrl;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use metrics_core::labels::ApiMethod;
use reqwest::{StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::identity::Servers;
use super::wire::{Path, PowerBody, ProxiesView, ProxyBody, Refusal, ToxicBody};
use super::{NewProxy, Power, Proxy, ToxiproxyError};
use crate::fault::toxic::Toxic;

/// A wedged Toxiproxy accepts connections and never answers.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of one Toxiproxy.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    families: Arc<ToxiproxyFamilies>,
    servers: Arc<Servers>,
    limit: Duration,
}

impl Client {
    pub(crate) fn new(url: &HttpUrl, families: Arc<ToxiproxyFamilies>) -> Result<Client, ToxiproxyError> {
        let base = url.get().clone();
        // Another crate of the process may have installed a provider: then that one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // A kept connection may belong to a Toxiproxy that has restarted since.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| ToxiproxyError::Client { reason: error.to_string() })?;
        Ok(Client { http, base, families, servers: Arc::default(), limit: CALL_TIMEOUT })
    }

    /// The same Toxiproxy, but no call takes longer than `limit`.
    pub(crate) fn within(&self, limit: Duration) -> Client {
        Client { limit: limit.min(CALL_TIMEOUT), ..self.clone() }
    }

    /// How many times another process has answered than the one before, as far as answers tell.
    pub(crate) fn restarts(&self) -> u64 {
        self.servers.changes()
    }

    /// The address of the API, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Every proxy with its toxics.
    pub(crate) async fn proxies(&self) -> Result<Vec<Proxy>, ToxiproxyError> {
        match self.call::<ProxiesView>(ApiMethod::Get, Path::Proxies, None::<&()>).await {
            Ok(view) => Ok(view.into_values().map(Proxy::from).collect()),
            // No Toxiproxy refuses to list its proxies.
            Err(ToxiproxyError::Refused { call, status: status @ 300..500, message }) => {
                Err(ToxiproxyError::Stranger { call, answer: format!("{status}: {message}") })
            }
            Err(error) => Err(error),
        }
    }

    /// Opens a proxy. One of that name that is already there is left as it is.
    pub(crate) async fn create_proxy(&self, proxy: &NewProxy) -> Result<(), ToxiproxyError> {
        let body = ProxyBody::from(proxy);
        accept(StatusCode::CONFLICT, self.call::<Ignored>(ApiMethod::Post, Path::Proxies, Some(&body)).await)
    }

    /// Puts a toxic on a proxy. That the name is taken is no error: an earlier try may have applied, and only
    /// reading back tells what is there.
    pub(crate) async fn add_toxic(
        &self,
        proxy: &str,
        name: &str,
        toxic: &Toxic,
    ) -> Result<(), ToxiproxyError> {
        let body = ToxicBody::new(name, toxic);
        let path = Path::Toxics(proxy);
        accept(StatusCode::CONFLICT, self.call::<Ignored>(ApiMethod::Post, path, Some(&body)).await)
    }

    /// Gives a toxic that is there other attributes.
    pub(crate) async fn update_toxic(
        &self,
        proxy: &str,
        name: &str,
        toxic: &Toxic,
    ) -> Result<(), ToxiproxyError> {
        let body = ToxicBody::new(name, toxic);
        let path = Path::Toxic(proxy, name);
        self.call::<Ignored>(ApiMethod::Post, path, Some(&body)).await.map(|Ignored| ())
    }

    /// Takes a toxic off a proxy; that it is not there is what was wanted.
    pub(crate) async fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ToxiproxyError> {
        let path = Path::Toxic(proxy, name);
        accept(StatusCode::NOT_FOUND, self.call::<Ignored>(ApiMethod::Delete, path, None::<&()>).await)
    }

    /// Opens or closes a proxy, and changes nothing else about it.
    pub(crate) async fn set_power(&self, proxy: &str, power: Power) -> Result<(), ToxiproxyError> {
        let body = PowerBody::from(power);
        self.call::<Ignored>(ApiMethod::Post, Path::Proxy(proxy), Some(&body)).await.map(|Ignored| ())
    }

    async fn call<T: Answer>(
        &self,
        method: ApiMethod,
        path: Path<'_>,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ToxiproxyError> {
        let started = Instant::now();
        let answer = self.exchange(method, path, body).await;
        self.families.api_call(method, started.elapsed(), answer.is_ok());
        answer
    }

    async fn exchange<T: Answer>(
        &self,
        method: ApiMethod,
        path: Path<'_>,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ToxiproxyError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.segments());
        }
        let (verb, word) = match method {
            ApiMethod::Get => (reqwest::Method::GET, "GET"),
            ApiMethod::Post => (reqwest::Method::POST, "POST"),
            ApiMethod::Patch => (reqwest::Method::PATCH, "PATCH"),
            ApiMethod::Delete => (reqwest::Method::DELETE, "DELETE"),
        };
        let call = || format!("{word} {url}");
        let failed = |error: reqwest::Error| ToxiproxyError::transport(call(), self.limit, &error);
        let mut request = self.http.request(verb, url.clone()).timeout(self.limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        self.servers.answered(response.headers());
        let bytes = response.bytes().await.map_err(failed)?;
        if status.is_success() {
            let answer = || format!("{}: {}", status.as_u16(), first_line(&bytes));
            return T::read(&bytes).map_err(|_| ToxiproxyError::Stranger { call: call(), answer: answer() });
        }
        let message = serde_json::from_slice(&bytes)
            .map_or_else(|_| first_line(&bytes), |refusal: Refusal| refusal.error);
        Err(ToxiproxyError::Refused { call: call(), status: status.as_u16(), message })
    }
}

/// Of a page that may be long.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().lines().next().unwrap_or("nothing").chars().take(200).collect()
}

/// How the body of a success is read.
trait Answer: Sized {
    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error>;
}

/// An answer of which only the status counts.
struct Ignored;

impl Answer for Ignored {
    fn read(_: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Ignored)
    }
}

impl<T: DeserializeOwned> Answer for T {
    fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// Makes one refusal a success.
fn accept(status: StatusCode, answer: Result<Ignored, ToxiproxyError>) -> Result<(), ToxiproxyError> {
    match answer {
        Ok(Ignored) => Ok(()),
        Err(ToxiproxyError::Refused { status: found, .. }) if found == status.as_u16() => Ok(()),
        Err(error) => Err(error),
    }
}
