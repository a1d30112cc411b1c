//! How the times of a run were spread, as a table for programs. Where it is written is the caller's business.

use std::fmt;

use metrics_core::Spread;
use metrics_core::families::client::Breakdown;

/// Both times of all operations, cell by cell, each less than 1% wide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    latency: Spread,
    service: Spread,
}

impl Histogram {
    pub(super) fn of(total: &Breakdown) -> Self {
        Self { latency: total.latency.clone(), service: total.service.clone() }
    }
}

/// CSV: which time, the upper end of a cell in seconds, the operations in it. Empty cells are left out.
impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "time,seconds,operations")?;
        for (time, spread) in [("latency", &self.latency), ("service", &self.service)] {
            for (upper, operations) in spread.cells() {
                writeln!(f, "{time},{:.9},{operations}", upper.as_secs_f64())?;
            }
        }
        Ok(())
    }
}
