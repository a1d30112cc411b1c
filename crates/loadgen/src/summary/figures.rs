//! The figures of a summary, for both of its formats. Pure.

use std::time::Duration;

use daemon_core::signals::Signal;
use metrics_core::FineHistogram;
use metrics_core::families::client::{Breakdown, Totals};
use metrics_core::labels::Status;

use crate::plan::{Pace, Plan, SummaryFormat};

/// Facts about a run that are known before it starts.
#[derive(Clone, Debug)]
pub(crate) struct RunInfo {
    pub(crate) format: SummaryFormat,
    pub(crate) workload: String,
    pub(crate) pace: Pace,
    pub(crate) seed: u64,
    /// The names of the nodes.
    pub(crate) nodes: Vec<String>,
    /// `None`: until a signal.
    pub(crate) duration: Option<Duration>,
}

/// How a load ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The time from the first operation that was due until the end of the load.
    pub(crate) ran: Duration,
    /// The signal that ended it.
    pub(crate) signal: Option<Signal>,
}

/// The figures of a run that has ended.
#[derive(Clone, Debug)]
pub(super) struct Summary {
    pub(super) info: RunInfo,
    pub(super) ending: Ending,
    pub(super) nodes: Vec<Breakdown>,
    /// The sum over all nodes.
    pub(super) total: Breakdown,
    /// The lateness of starts in an open loop.
    pub(super) lateness: FineHistogram,
    pub(super) dropped: u64,
    /// The operations that were due. Each one was started by a worker or dropped. Some were started and then dropped because
    /// they got no connection.
    pub(super) due: u64,
}

impl RunInfo {
    pub(crate) fn new(plan: &Plan) -> Self {
        let load = &plan.load;
        Self {
            format: plan.summary,
            workload: load.workload.clone(),
            pace: load.pace,
            seed: load.seed,
            nodes: plan.nodes.iter().map(|node| node.name.clone()).collect(),
            duration: plan.duration,
        }
    }
}

impl Summary {
    pub(super) fn new(
        info: RunInfo,
        ending: Ending,
        nodes: Vec<Breakdown>,
        lateness: FineHistogram,
        totals: &Totals,
    ) -> Self {
        let mut total = Breakdown::default();
        nodes.iter().for_each(|node| total.merge(node));
        let Totals { dropped, abandoned, .. } = *totals;
        let due = lateness.count() + dropped - abandoned;
        Self { info, ending, nodes, total, lateness, dropped, due }
    }

    pub(super) fn ended(&self) -> u64 {
        self.total.ended(Status::Success) + self.total.ended(Status::Failed)
    }

    pub(super) fn per_second(&self, operations: u64) -> f64 {
        let seconds = self.ending.ran.as_secs_f64();
        if seconds > 0.0 { operations as f64 / seconds } else { 0.0 }
    }

    /// The mean rate of operations that an open loop had to start. `None` in a closed loop.
    pub(super) fn requested_rate(&self) -> Option<f64> {
        match self.info.pace {
            Pace::Closed(_) => None,
            Pace::Open { .. } => Some(self.per_second(self.due)),
        }
    }
}
