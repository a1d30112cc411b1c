//! The families of the daemon's own HTTP server. Which requests there are, is `exporter`'s matter.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::cells::{Cell, Edges, HistogramCells, Merged};
use crate::family::Family;
use crate::locked::Locked;

const REQUESTS: Family =
    Family::counter("http_requests_total", &["method", "path", "status"], "HTTP requests answered");
const DURATION: Family = Family::histogram(
    "http_request_duration_seconds",
    &["method", "path"],
    "Time to answer an HTTP request, in seconds",
);
const IN_FLIGHT: Family = Family::gauge("http_requests_in_flight", &[], "HTTP requests being answered");

pub(super) const FAMILIES: &[&Family] = &[&REQUESTS, &DURATION, &IN_FLIGHT];

/// The paths that get series of their own; a request for anything else counts as `other`, whatever it asked for,
/// so that nobody can make series by asking.
const PATHS: [&str; 4] = ["/metrics", "/health", "/ready", "other"];
const METHODS: [&str; 3] = ["GET", "HEAD", "other"];

fn known<const N: usize>(words: [&'static str; N], word: &str) -> usize {
    words.iter().position(|known| *known == word).unwrap_or(N - 1)
}

#[derive(Debug)]
pub(crate) struct HttpFamilies {
    state: Locked<State>,
    edges: Edges,
}

#[derive(Debug, Default)]
struct State {
    in_flight: u64,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    method: usize,
    path: usize,
    statuses: Vec<(u16, Cell)>,
    duration: HistogramCells,
}

impl HttpFamilies {
    pub(crate) fn new() -> HttpFamilies {
        let edges = Edges::coarse(&[]);
        let mut state = State::default();
        for path in 0..PATHS.len() - 1 {
            state.routes.push(Route {
                method: 0,
                path,
                statuses: vec![(200, Cell::default())],
                duration: HistogramCells::new(&edges),
            });
        }
        HttpFamilies { state: Locked::new(state), edges }
    }

    /// Counts the request as in flight until the guard is gone, also when its connection breaks first.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.state.lock().in_flight += 1;
        InFlight(self)
    }

    pub(crate) fn answered(&self, method: &str, path: &str, status: u16, took: Duration) {
        let (method, path) = (known(METHODS, method), known(PATHS, path));
        let mut state = self.state.lock();
        let at =
            state.routes.iter().position(|r| r.method == method && r.path == path).unwrap_or_else(|| {
                state.routes.push(Route {
                    method,
                    path,
                    statuses: Vec::new(),
                    duration: HistogramCells::new(&self.edges),
                });
                state.routes.len() - 1
            });
        let route = &mut state.routes[at];
        route.duration.observe(&self.edges, took);
        match route.statuses.iter().find(|(known, _)| *known == status) {
            Some((_, count)) => count.inc(),
            None => {
                let count = Cell::default();
                count.inc();
                route.statuses.push((status, count));
            }
        }
    }
}

/// One request in flight.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a HttpFamilies);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.state.lock().in_flight -= 1;
    }
}

impl Collector for HttpFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let state = self.state.lock();
        let e = &mut encoder;
        REQUESTS.encode(e, |series| {
            state.routes.iter().try_for_each(|r| {
                r.statuses.iter().try_for_each(|(status, count)| {
                    series.count(&[METHODS[r.method], PATHS[r.path], &status.to_string()], count.get())
                })
            })
        })?;
        DURATION.encode(e, |series| {
            state.routes.iter().try_for_each(|r| {
                let merged = Merged::of(&self.edges, [&r.duration].into_iter());
                series.histogram(&[METHODS[r.method], PATHS[r.path]], merged.sum, &merged.buckets)
            })
        })?;
        IN_FLIGHT.encode_one(e, state.in_flight as f64)
    }
}
