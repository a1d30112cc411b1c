//! Figures of a daemon's Tokio runtimes, read at each scrape. The daemon registers its runtimes.

use std::fmt::Error;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use tokio::runtime::{Handle, RuntimeMetrics};

use crate::family::{Family, Series};
use crate::labels::Runtime;
use crate::locked::Locked;

const WORKERS: Family = Family::gauge("tokio_workers", &["runtime"], "Worker threads of these runtimes");
const TASKS: Family = Family::gauge("tokio_alive_tasks", &["runtime"], "Tasks that are alive");
const QUEUE: Family = Family::gauge(
    "tokio_global_queue_depth",
    &["runtime"],
    "Ready tasks in the queue that all worker threads share",
);
const BUSY: Family = Family::counter(
    "tokio_worker_busy_seconds_total",
    &["runtime"],
    "Time that worker threads spent running tasks, in seconds",
);
const PARKS: Family = Family::counter(
    "tokio_worker_parks_total",
    &["runtime"],
    "Times that a worker thread ran out of work and went to sleep",
);

pub(super) const FAMILIES: &[&Family] = &[&WORKERS, &TASKS, &QUEUE, &BUSY, &PARKS];

/// The registered runtimes. Figures of several runtimes of one kind are added up.
#[derive(Clone, Debug, Default)]
pub struct Runtimes(Arc<Locked<Vec<(Runtime, RuntimeMetrics)>>>);

impl Runtimes {
    /// Registers a runtime.
    pub fn watch(&self, kind: Runtime, handle: &Handle) {
        self.0.lock().push((kind, handle.metrics()));
    }

    fn each(&self, series: &mut Series<'_>, read: impl Fn(&RuntimeMetrics) -> f64) -> Result<(), Error> {
        let watched = self.0.lock();
        for kind in Runtime::ALL {
            let mut figures =
                watched.iter().filter(|(of, _)| *of == kind).map(|(_, metrics)| read(metrics)).peekable();
            if figures.peek().is_some() {
                series.number(&[kind.as_str()], figures.sum())?;
            }
        }
        Ok(())
    }
}

/// The sum of a figure over the threads of a runtime.
fn threads(metrics: &RuntimeMetrics, read: impl Fn(usize) -> f64) -> f64 {
    (0..metrics.num_workers()).map(read).sum()
}

impl Collector for Runtimes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let e = &mut encoder;
        WORKERS.encode(e, |series| self.each(series, |m| m.num_workers() as f64))?;
        TASKS.encode(e, |series| self.each(series, |m| m.num_alive_tasks() as f64))?;
        QUEUE.encode(e, |series| self.each(series, |m| m.global_queue_depth() as f64))?;
        BUSY.encode(e, |series| {
            self.each(series, |m| threads(m, |i| m.worker_total_busy_duration(i).as_secs_f64()))
        })?;
        PARKS.encode(e, |series| self.each(series, |m| threads(m, |i| m.worker_park_count(i) as f64)))
    }
}
