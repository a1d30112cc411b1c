//! The HTTP server of a daemon: `/metrics`, `/health`, `/ready`. The caller binds the
//! socket and registers the daemon's own families.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::compression::{gzip, gzip_wanted};
use crate::exposition::Format;
use crate::families::build::BuildInfo;
use crate::families::http::HttpFamilies;
use crate::families::limit::LimitFamilies;
use crate::families::process::ProcessFamilies;
use crate::families::runtime::Runtimes;
use crate::labels::Runtime;
use crate::limit;
use crate::locked::Locked;

/// Spare bytes in a scrape's buffer. A scrape that is a little longer than the last one then needs no reallocation.
const ROOM: usize = 2048;

/// Serves a registry. Register the daemon's families first; this adds those of the process, host, runtimes, build and HTTP server.
#[derive(Debug)]
pub struct Exporter {
    registry: Registry,
    http: Arc<HttpFamilies>,
    runtimes: Runtimes,
    readiness: Readiness,
    scrapes: watch::Sender<u64>,
    /// Bytes of the last scrape. The next one is about as long.
    last_size: AtomicUsize,
    /// The families over the limit of label sets that are in the log already.
    warned: Locked<BTreeSet<&'static str>>,
}

/// Whether the daemon is ready, and why not. `/ready` serves it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Locked<Option<String>>>);

impl Readiness {
    /// The daemon is ready.
    pub fn set_ready(&self) {
        *self.0.lock() = None;
    }

    /// The daemon is not ready, for this reason.
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        *self.0.lock() = Some(reason.into());
    }

    fn reason(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

impl Exporter {
    /// Starts as not ready.
    pub fn new(mut registry: Registry) -> Exporter {
        let http = Arc::new(HttpFamilies::new());
        registry.register_collector(Box::new(ProcessFamilies::default()));
        registry.register_collector(Box::new(BuildInfo));
        registry.register_collector(Box::new(Arc::clone(&http)));
        let runtimes = Runtimes::default();
        registry.register_collector(Box::new(runtimes.clone()));
        registry.register_collector(Box::new(LimitFamilies));
        let readiness = Readiness(Arc::new(Locked::new(Some("starting".to_owned()))));
        Exporter {
            registry,
            http,
            runtimes,
            readiness,
            scrapes: watch::Sender::new(0),
            last_size: AtomicUsize::new(4096),
            warned: Locked::default(),
        }
    }

    /// The handle with which the daemon reports that it is ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// The handle with which the daemon registers its other Tokio runtimes.
    pub fn runtimes(&self) -> Runtimes {
        self.runtimes.clone()
    }

    /// How many requests for `/metrics` were answered so far.
    pub fn scrapes(&self) -> watch::Receiver<u64> {
        self.scrapes.subscribe()
    }

    /// The families that are over the limit of label sets for the first time, and how many sets each left out.
    fn first_refused(&self) -> Vec<(&'static str, usize)> {
        let mut warned = self.warned.lock();
        limit::take_refused().into_iter().filter(|(family, _)| warned.insert(family)).collect()
    }

    /// Serves on a bound listener until `shutdown`. Requests in progress are answered before it returns.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        self.runtimes.watch(Runtime::Server, &Handle::current());
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = router(Arc::new(self));
        axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
    }
}

fn router(exporter: Arc<Exporter>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(async || "ok\n"))
        .route("/ready", get(ready))
        .layer(middleware::from_fn_with_state(Arc::clone(&exporter), observe_request))
        .with_state(exporter)
}

async fn metrics(State(exporter): State<Arc<Exporter>>, headers: HeaderMap) -> Response {
    let asked = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let format = Format::from_accept_header(asked(header::ACCEPT));
    let expected = exporter.last_size.load(Relaxed) + ROOM;
    let encoded = format.encode(&exporter.registry, expected);
    for (family, label_sets) in exporter.first_refused() {
        tracing::warn!(family, label_sets, "too many label sets; those beyond the limit are not exported");
    }
    match encoded {
        Ok(text) => {
            exporter.last_size.store(text.len(), Relaxed);
            respond(format, text, gzip_wanted(asked(header::ACCEPT_ENCODING)))
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot encode the metrics: {error}\n"))
            .into_response(),
    }
}

fn respond(format: Format, text: String, packed: bool) -> Response {
    let kind = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept, accept-encoding")];
    match packed.then(|| gzip(&text)) {
        Some(Ok(bytes)) => (kind, [(header::CONTENT_ENCODING, "gzip")], bytes).into_response(),
        Some(Err(_)) | None => (kind, text).into_response(),
    }
}

async fn ready(State(exporter): State<Arc<Exporter>>) -> Response {
    match exporter.readiness.reason() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn observe_request(State(exporter): State<Arc<Exporter>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let in_flight = exporter.http.begin();
    let response = next.run(request).await;
    drop(in_flight);
    exporter.http.answered(method.as_str(), &path, response.status().as_u16(), began.elapsed());
    if path == "/metrics" && response.status().is_success() {
        exporter.scrapes.send_modify(|answered| *answered += 1);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_over_the_limit_is_reported_once() {
        let exporter = Exporter::new(Registry::default());
        limit::take_refused();
        let scrape = |families: &[&'static str]| {
            families.iter().for_each(|family| limit::record_refused(family, 3));
            exporter.first_refused()
        };
        assert_eq!(scrape(&["a"]), [("a", 3)]);
        assert_eq!(scrape(&["a", "b"]), [("b", 3)]);
        assert_eq!(scrape(&["a", "b"]), []);
    }
}
