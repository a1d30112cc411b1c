//! A client of Toxiproxy: each method makes one HTTP call with a time limit. The caller repeats calls and decides what a
//! failure means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon_core::secrets::plain_url;
use daemon_core::values::HttpUrl;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use metrics_core::labels::ApiMethod;
use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::address::ApiAddress;
use super::identity::RestartCounter;
use super::wire::{ApiPath, ErrorBody, PowerBody, ProxiesView, ProxyBody, ToxicBody};
use super::{NewProxy, Power, Proxy, ToxiproxyError};
use crate::fault::toxic::Toxic;
use crate::http::{client_builder, join_path};

/// A wedged Toxiproxy accepts connections and never answers.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);

/// A client of one Toxiproxy.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: HttpUrl,
    address: ApiAddress,
    families: Arc<ToxiproxyFamilies>,
    restarts: Arc<RestartCounter>,
    limit: Duration,
}

impl Client {
    pub(crate) fn new(url: &HttpUrl, families: Arc<ToxiproxyFamilies>) -> Result<Client, ToxiproxyError> {
        let http = client_builder()
            // A kept connection may belong to a Toxiproxy that has restarted since.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| ToxiproxyError::Client { reason: error.to_string() })?;
        let (base, address, restarts) = (url.clone(), ApiAddress::new(url), Arc::default());
        Ok(Client { http, base, address, families, restarts, limit: CALL_TIMEOUT })
    }

    /// A client of the same Toxiproxy whose calls take at most `limit`, and never longer than the usual limit.
    pub(crate) fn with_limit(&self, limit: Duration) -> Client {
        Client { limit: limit.min(CALL_TIMEOUT), ..self.clone() }
    }

    /// How many restarts of Toxiproxy the answers have shown.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.count()
    }

    /// The address of the API, without its secrets and without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        self.address.as_str()
    }

    /// The address of the API, for commands that a user can type.
    pub(crate) fn address(&self) -> &ApiAddress {
        &self.address
    }

    /// Every proxy with its toxics.
    pub(crate) async fn proxies(&self) -> Result<Vec<Proxy>, ToxiproxyError> {
        match self.call::<ProxiesView>(ApiMethod::Get, ApiPath::Proxies, None::<&()>).await {
            Ok(view) => Ok(view.into_values().map(Proxy::from).collect()),
            // A Toxiproxy never refuses to list its proxies.
            Err(ToxiproxyError::Refused { call, status: status @ 300..500, message }) => {
                Err(ToxiproxyError::NotToxiproxy { call, answer: format!("{status}: {message}") })
            }
            Err(error) => Err(error),
        }
    }

    /// Creates a proxy. A proxy that already has this name stays unchanged.
    pub(crate) async fn create_proxy(&self, proxy: &NewProxy) -> Result<(), ToxiproxyError> {
        accept(StatusCode::CONFLICT, self.post(ApiPath::Proxies, &ProxyBody::from(proxy)).await)
    }

    /// Adds a toxic to a proxy. A name that is taken is not an error: an earlier try may have been carried out. Only
    /// reading back shows what is there.
    pub(crate) async fn add_toxic(
        &self,
        proxy: &str,
        name: &str,
        toxic: &Toxic,
    ) -> Result<(), ToxiproxyError> {
        let added = self.post(ApiPath::Toxics(proxy), &ToxicBody::new(name, toxic)).await;
        accept(StatusCode::CONFLICT, added)
    }

    /// Changes the attributes of an existing toxic.
    pub(crate) async fn update_toxic(
        &self,
        proxy: &str,
        name: &str,
        toxic: &Toxic,
    ) -> Result<(), ToxiproxyError> {
        self.post(ApiPath::Toxic(proxy, name), &ToxicBody::new(name, toxic)).await
    }

    /// Removes a toxic from a proxy. A toxic that does not exist counts as removed.
    pub(crate) async fn remove_toxic(&self, proxy: &str, name: &str) -> Result<(), ToxiproxyError> {
        let path = ApiPath::Toxic(proxy, name);
        let removed = self.call::<Unread>(ApiMethod::Delete, path, None::<&()>).await;
        accept(StatusCode::NOT_FOUND, removed.map(|Unread| ()))
    }

    /// Enables or disables a proxy, and changes nothing else about it.
    pub(crate) async fn set_power(&self, proxy: &str, power: Power) -> Result<(), ToxiproxyError> {
        self.post(ApiPath::Proxy(proxy), &PowerBody::from(power)).await
    }

    async fn post(&self, path: ApiPath<'_>, body: &(impl Serialize + Sync)) -> Result<(), ToxiproxyError> {
        self.call::<Unread>(ApiMethod::Post, path, Some(body)).await.map(|Unread| ())
    }

    /// Makes a call and counts it.
    async fn call<T: SuccessBody>(
        &self,
        method: ApiMethod,
        path: ApiPath<'_>,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ToxiproxyError> {
        let started = Instant::now();
        let result = self.exchange(method, path, body).await;
        self.families.api_call(method, started.elapsed(), result.is_ok());
        result
    }

    async fn exchange<T: SuccessBody>(
        &self,
        method: ApiMethod,
        path: ApiPath<'_>,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, ToxiproxyError> {
        let url = join_path(self.base.get(), path.segments());
        let (verb, word) = match method {
            ApiMethod::Get => (reqwest::Method::GET, "GET"),
            ApiMethod::Post => (reqwest::Method::POST, "POST"),
            ApiMethod::Patch => (reqwest::Method::PATCH, "PATCH"),
            ApiMethod::Delete => (reqwest::Method::DELETE, "DELETE"),
        };
        let call = || format!("{word} {}", plain_url(&url));
        let failed = |error: reqwest::Error| ToxiproxyError::transport(call(), self.limit, &error);
        let mut request = self.http.request(verb, url.clone()).timeout(self.limit);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        self.restarts.note_answer(response.headers());
        let bytes = response.bytes().await.map_err(failed)?;
        if status.is_success() {
            let answer = || format!("{}: {}", status.as_u16(), first_line(&bytes));
            return T::parse(&bytes)
                .map_err(|_| ToxiproxyError::NotToxiproxy { call: call(), answer: answer() });
        }
        let message =
            serde_json::from_slice(&bytes).map_or_else(|_| first_line(&bytes), |body: ErrorBody| body.error);
        Err(ToxiproxyError::Refused { call: call(), status: status.as_u16(), message })
    }
}

/// The first line of a body, shortened: it may be a long web page.
fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().lines().next().unwrap_or("nothing").chars().take(200).collect()
}

/// The body of a successful answer.
trait SuccessBody: Sized {
    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error>;
}

/// A body that nobody needs: the status says enough.
struct Unread;

impl SuccessBody for Unread {
    fn parse(_: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Unread)
    }
}

impl<T: DeserializeOwned> SuccessBody for T {
    fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// Treats a refusal with this status as a success.
fn accept(status: StatusCode, result: Result<(), ToxiproxyError>) -> Result<(), ToxiproxyError> {
    match result {
        Err(ToxiproxyError::Refused { status: found, .. }) if found == status.as_u16() => Ok(()),
        result => result,
    }
}
