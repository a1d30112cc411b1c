//! The families of the daemon's own HTTP server. `exporter` reports the requests.

use std::fmt::Error;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::cells::{Edges, HistogramCells, MergedHistogram, SingleWriterCounter};
use crate::family::Family;
use crate::locked::Locked;

const REQUESTS: Family =
    Family::counter("http_requests_total", &["method", "path", "status"], "HTTP requests answered");
const DURATION: Family = Family::histogram(
    "http_request_duration_seconds",
    &["path"],
    "Time to answer an HTTP request, in seconds",
);
const IN_FLIGHT: Family = Family::gauge("http_requests_in_flight", &[], "HTTP requests in progress");

pub(super) const FAMILIES: &[&Family] = &[&REQUESTS, &DURATION, &IN_FLIGHT];

/// The paths with series of their own. A request for any other path counts as `other`, so that clients cannot create
/// series.
const PATHS: [&str; 4] = ["/metrics", "/health", "/ready", "other"];
const METHODS: [&str; 3] = ["GET", "HEAD", "other"];

fn index_of<const N: usize>(words: [&'static str; N], word: &str) -> usize {
    words.iter().position(|known| *known == word).unwrap_or(N - 1)
}

#[derive(Debug)]
pub(crate) struct HttpFamilies {
    state: Locked<State>,
    edges: Edges,
}

#[derive(Debug)]
struct State {
    in_flight: u64,
    /// Responses by method, path and status.
    answered: Vec<([usize; 2], u16, SingleWriterCounter)>,
    durations: [HistogramCells; PATHS.len()],
}

impl HttpFamilies {
    pub(crate) fn new() -> HttpFamilies {
        let edges = Edges::coarse(&[]);
        let expected = 0..PATHS.len() - 1;
        let state = State {
            in_flight: 0,
            answered: expected.map(|path| ([0, path], 200, SingleWriterCounter::default())).collect(),
            durations: PATHS.map(|_| HistogramCells::new(&edges)),
        };
        HttpFamilies { state: Locked::new(state), edges }
    }

    /// Counts the request as in flight until the guard is dropped, even if its connection breaks first.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.state.lock().in_flight += 1;
        InFlight(self)
    }

    pub(crate) fn answered(&self, method: &str, path: &str, status: u16, took: Duration) {
        let asked = [index_of(METHODS, method), index_of(PATHS, path)];
        let mut state = self.state.lock();
        state.durations[asked[1]].observe(&self.edges, took);
        match state.answered.iter().find(|(of, with, _)| (*of, *with) == (asked, status)) {
            Some((_, _, count)) => count.inc(),
            None => {
                let count = SingleWriterCounter::default();
                count.inc();
                state.answered.push((asked, status, count));
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
            state.answered.iter().try_for_each(|([method, path], status, count)| {
                series.count(&[METHODS[*method], PATHS[*path], &status.to_string()], count.get())
            })
        })?;
        DURATION.encode(e, |series| {
            PATHS.iter().zip(&state.durations).try_for_each(|(path, cells)| {
                let merged = MergedHistogram::sum(&self.edges, [cells].into_iter());
                series.histogram(&[path], merged.sum, &merged.buckets)
            })
        })?;
        IN_FLIGHT.encode_one(e, state.in_flight as f64)
    }
}
