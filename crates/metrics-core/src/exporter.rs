//! The HTTP server of a daemon: `/metrics`, `/health`, `/ready`. It binds nothing by itself and knows no family of a daemon.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::exposition::Format;
use crate::families::build::BuildInfo;
use crate::families::http::HttpFamilies;
use crate::families::process::ProcessFamilies;

/// Bytes by which one scrape may outgrow the last without moving its text in memory.
const ROOM: usize = 2048;

/// Serves a registry. Build it with a full registry; it adds the process, build and HTTP families.
#[derive(Debug)]
pub struct Exporter {
    registry: Registry,
    http: Arc<HttpFamilies>,
    readiness: Readiness,
    scrapes: watch::Sender<u64>,
    /// Bytes of the last answer: the next is about as long.
    last_size: AtomicUsize,
}

/// Whether the daemon does its work yet; shown by `/ready`.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<RwLock<Option<String>>>);

impl Readiness {
    /// The daemon does its work.
    pub fn set_ready(&self) {
        *self.0.write().unwrap_or_else(|e| e.into_inner()) = None;
    }

    /// The daemon does not do its work, and why.
    pub fn set_not_ready(&self, reason: impl Into<String>) {
        *self.0.write().unwrap_or_else(|e| e.into_inner()) = Some(reason.into());
    }

    fn reason(&self) -> Option<String> {
        self.0.read().unwrap_or_else(|e| e.into_inner()).clone()
    }
}

impl Exporter {
    /// Not ready until told so.
    pub fn new(mut registry: Registry) -> Exporter {
        let http = Arc::new(HttpFamilies::new());
        registry.register_collector(Box::new(ProcessFamilies));
        registry.register_collector(Box::new(BuildInfo));
        registry.register_collector(Box::new(Arc::clone(&http)));
        let readiness = Readiness(Arc::new(RwLock::new(Some("starting".to_owned()))));
        Exporter {
            registry,
            http,
            readiness,
            scrapes: watch::Sender::new(0),
            last_size: AtomicUsize::new(4096),
        }
    }

    /// The handle that says when the daemon is ready.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// How many `GET /metrics` were answered so far.
    pub fn scrapes(&self) -> watch::Receiver<u64> {
        self.scrapes.subscribe()
    }

    /// Answers on an already bound listener until `shutdown`; requests under way are answered first.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
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
        .layer(middleware::from_fn_with_state(Arc::clone(&exporter), observe))
        .with_state(exporter)
}

async fn metrics(State(exporter): State<Arc<Exporter>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    let expected = exporter.last_size.load(Relaxed) + ROOM;
    match format.encode(&exporter.registry, expected) {
        Ok(text) => {
            exporter.last_size.store(text.len(), Relaxed);
            ([(header::CONTENT_TYPE, format.content_type())], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("metrics cannot be encoded: {error}\n"))
            .into_response(),
    }
}

async fn ready(State(exporter): State<Arc<Exporter>>) -> Response {
    match exporter.readiness.reason() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn observe(State(exporter): State<Arc<Exporter>>, request: Request, next: Next) -> Response {
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
