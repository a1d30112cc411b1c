//! What a run says of itself at its end: the figures, of which `text` makes lines for people and `json` an object for
//! programs. Pure.

mod histogram;
mod json;
mod text;

use std::time::Duration;

use metrics_core::Spread;
use metrics_core::families::client::{Breakdown, ClientFamilies, Totals};
use metrics_core::labels::Status;

use crate::plan::{Format, Pace, Plan};

pub(crate) use histogram::Histogram;
pub(crate) use json::failure;

/// What is known of a run before it starts.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) format: Format,
    pub(crate) workload: String,
    pub(crate) pace: Pace,
    pub(crate) seed: u64,
    /// The nodes' names, in their order.
    pub(crate) nodes: Vec<String>,
}

/// A run that has ended.
#[derive(Clone, Debug)]
struct Summary {
    about: About,
    /// From the first start that was due to the moment at which no more were.
    ran: Duration,
    nodes: Vec<Breakdown>,
    /// Of all nodes.
    total: Breakdown,
    /// Of an open loop.
    lateness: Spread,
    dropped: u64,
    /// Those that were due: each was taken by a worker or dropped, or both for want of a connection.
    due: u64,
}

impl About {
    pub(crate) fn of(plan: &Plan) -> Self {
        let load = &plan.load;
        Self {
            format: plan.summary,
            workload: load.workload.clone(),
            pace: load.pace,
            seed: load.seed,
            nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
        }
    }

    /// The summary of a run that sent load for `ran`, and how its times were spread.
    pub(crate) fn summary(&self, families: &ClientFamilies, ran: Duration) -> (String, Histogram) {
        let nodes: Vec<_> = (0..self.nodes.len()).map(|server| families.breakdown(server)).collect();
        let summary = Summary::new(self.clone(), ran, nodes, families.lateness(), &families.totals());
        (summary.write(), Histogram::of(&summary.total))
    }
}

impl Summary {
    fn new(about: About, ran: Duration, nodes: Vec<Breakdown>, lateness: Spread, totals: &Totals) -> Self {
        let mut total = Breakdown::default();
        nodes.iter().for_each(|node| total.merge(node));
        let Totals { dropped, abandoned, .. } = *totals;
        let due = lateness.count() + dropped - abandoned;
        Self { about, ran, nodes, total, lateness, dropped, due }
    }

    fn write(&self) -> String {
        match self.about.format {
            Format::Text => text::text(self),
            Format::Json => json::json(self),
        }
    }

    fn ended(&self) -> u64 {
        self.total.ended(Status::Success) + self.total.ended(Status::Failed)
    }

    fn per_second(&self, operations: u64) -> f64 {
        let seconds = self.ran.as_secs_f64();
        if seconds > 0.0 { operations as f64 / seconds } else { 0.0 }
    }

    /// Operations per second that an open loop wanted, over the whole run.
    fn asked(&self) -> Option<f64> {
        match self.about.pace {
            Pace::Closed(_) => None,
            Pace::Open { .. } => Some(self.per_second(self.due)),
        }
    }
}

#[cfg(test)]
mod tests;
