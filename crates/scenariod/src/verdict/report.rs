//! What a run showed, as data: for a person's table, for a program's JSON, for the run's journal. Nothing is asked or
//! judged here.

pub(crate) mod figures;
pub(crate) mod quantile;
pub(crate) mod share;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod times;
mod trouble;
mod value;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_core::families::verdict::{NodeTimes, Shown};
use metrics_core::labels::{Finding, RunStatus};
use serde::{Serialize, Serializer};

use crate::scenario::Window;
use crate::scenario::expectation::Expectation;
use crate::verdict::judge::Judged;
use quantile::Quantile;
use share::Survival;
use times::Recovery;

/// Of a run that nothing was asked about.
pub(crate) const UNJUDGED: &str = "nothing is expected of it, so nothing was judged";

/// One run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) scenario: String,
    pub(crate) run: String,
    #[serde(serialize_with = "word")]
    pub(crate) status: RunStatus,
    /// Why there is no verdict, or why the run ended early.
    pub(crate) note: Option<String>,
    /// Nodes with a fault.
    pub(crate) targets: Vec<String>,
    pub(crate) expectations: Vec<Line>,
    /// Of faults that are meant for a share of the connections.
    pub(crate) shares: Vec<Survival>,
    pub(crate) nodes: Vec<Node>,
    /// What the load generator should have sent and did not, for want of a connection or a worker: by phase, where any.
    pub(crate) dropped_operations: BTreeMap<&'static str, u64>,
}

/// What became of one expectation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) judges: &'static str,
    pub(crate) phase: &'static str,
    pub(crate) must: String,
    /// `pass`, `fail`, `inconclusive` or `not applicable`.
    #[serde(serialize_with = "finding")]
    pub(crate) result: Option<Finding>,
    pub(crate) reason: String,
    /// As it was asked.
    pub(crate) promql: String,
}

/// What the client saw of one node.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Node {
    pub(crate) server: String,
    pub(crate) target: bool,
    /// Whether an operation failed or the breaker moved since testing began; `None` where that is not known.
    pub(crate) hurt: Option<bool>,
    pub(crate) time_to_detect_seconds: Option<f64>,
    #[serde(rename = "time_to_recover_seconds")]
    pub(crate) recovery: Recovery,
    pub(crate) phases: Vec<Figures>,
}

/// What the client saw of one node in one phase. `None` is no data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    pub(crate) phase: &'static str,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) operations_per_second: Option<f64>,
    /// From 0 to 1.
    pub(crate) error_ratio: Option<f64>,
    /// By type, those that occurred.
    pub(crate) errors: BTreeMap<String, u64>,
    #[serde(rename = "p50_seconds")]
    pub(crate) p50: Option<Quantile>,
    #[serde(rename = "p99_seconds")]
    pub(crate) p99: Option<Quantile>,
    /// Of which quantiles the number is a lower bound.
    pub(crate) lower_bounds: Vec<&'static str>,
    /// By `from>to`, those that occurred.
    pub(crate) breaker_transitions: BTreeMap<String, u64>,
    pub(crate) wrong_values: Option<u64>,
}

impl Report {
    /// A run of which nothing is known, and why.
    pub(crate) fn unjudged(scenario: &str, run: &str, targets: &[String], note: String) -> Report {
        Report {
            scenario: scenario.to_owned(),
            run: run.to_owned(),
            status: RunStatus::Inconclusive,
            note: Some(note),
            targets: targets.to_vec(),
            expectations: Vec::new(),
            shares: Vec::new(),
            nodes: Vec::new(),
            dropped_operations: BTreeMap::new(),
        }
    }

    /// What is exported of it: nothing is known of an expectation that was not judged.
    pub(crate) fn shown<'a>(&self, expected: impl Iterator<Item = &'a str>) -> Shown {
        let result = |name: &str| match self.expectations.iter().find(|line| line.name == name) {
            Some(line) => line.result,
            None => Some(Finding::Inconclusive),
        };
        let seconds = |time: Option<f64>| time.and_then(|time| Duration::try_from_secs_f64(time).ok());
        let times = |node: &Node| NodeTimes {
            detect: seconds(node.time_to_detect_seconds),
            recover: seconds(node.recovery.seconds()),
        };
        Shown {
            findings: expected.map(|name| (name.to_owned(), result(name))).collect(),
            times: self.nodes.iter().map(|node| (node.server.clone(), times(node))).collect(),
        }
    }

    /// How the expectations fared, in a few words.
    pub(crate) fn in_words(&self) -> String {
        let count = |result| self.expectations.iter().filter(|line| line.result == result).count();
        let parts = [
            (count(Some(Finding::Pass)), "hold"),
            (count(Some(Finding::Fail)), "failed"),
            (count(Some(Finding::Inconclusive)), "inconclusive"),
            (count(None), "not applicable"),
        ];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        // With a note, only what goes for the whole run was judged.
        let which = if self.note.is_some() { "expectations of the whole run" } else { "expectations" };
        let expectations = match self.expectations.len() {
            0 => None,
            count => Some(format!("of {count} {which} {}", parts.collect::<Vec<_>>().join(", "))),
        };
        let doubts = self.shares.iter().filter_map(Survival::doubt);
        self.note.iter().cloned().chain(expectations).chain(doubts).collect::<Vec<_>>().join("; ")
    }
}

impl Line {
    pub(crate) fn new(expectation: &Expectation, promql: String, judged: Judged) -> Line {
        Line {
            name: expectation.name.clone(),
            judges: expectation.subject.as_str(),
            phase: expectation.during.as_str(),
            must: expectation.must.describe(),
            result: judged.finding,
            reason: judged.reason,
            promql,
        }
    }
}

fn word<S: Serializer>(status: &RunStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

fn finding<S: Serializer>(finding: &Option<Finding>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(finding.map_or("not applicable", Finding::as_str))
}
