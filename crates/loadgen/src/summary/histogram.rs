//! The distribution of the times of a run, as a table for programs. Pure.

use std::fmt;

use metrics_core::FineHistogram;
use metrics_core::families::client::Breakdown;

/// Latency and service time of all operations, in cells that are less than 1% wide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    latency: FineHistogram,
    service: FineHistogram,
}

impl Histogram {
    pub(super) fn new(total: &Breakdown) -> Self {
        Self { latency: total.latency.clone(), service: total.service.clone() }
    }
}

/// CSV with three columns: the kind of time, the upper end of a cell in seconds, and the operations in the cell. Empty cells
/// are left out.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "time,seconds,operations")?;
        for (time, histogram) in [("latency", &self.latency), ("service", &self.service)] {
            for (upper, operations) in histogram.cells() {
                writeln!(f, "{time},{:.9},{operations}", upper.as_secs_f64())?;
            }
        }
        Ok(())
    }
}
