//! The report of one run as data. Tables, JSON and the journal are made from it. Pure: Prometheus is read in `measure`,
//! expectations are judged in `judgement`.

pub(crate) mod figures;
pub(crate) mod planned;
mod problem;
pub(crate) mod quantile;
pub(crate) mod share;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod times;
mod value;
pub(crate) mod way;

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_core::families::verdict::{NodeTimes, RunFindings};
use metrics_core::labels::{Finding, RunStatus};
use serde::{Serialize, Serializer};

use crate::scenario::Window;
use crate::scenario::expectation::Expectation;
use crate::verdict::judgement::Judgement;
use crate::verdict::judgement::shortage::Share;
use planned::PlannedPhases;
use quantile::Quantile;
use share::ShareResult;
use times::Recovery;
use way::Way;

/// The note of a run whose scenario has no expectations.
pub(crate) const NO_EXPECTATIONS: &str = "it has no expectations, so nothing was judged";

/// The report of one run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RunReport {
    pub(crate) scenario: String,
    pub(crate) run: String,
    #[serde(serialize_with = "serialize_status")]
    pub(crate) status: RunStatus,
    /// Why there is no verdict, or why the run ended early.
    pub(crate) note: Option<String>,
    /// Inconclusive runs that this run repeats, first to last.
    pub(crate) earlier_attempts: Vec<Attempt>,
    pub(crate) planned_phases: PlannedPhases,
    /// A line for each load generator that does not count.
    pub(crate) not_judged: Vec<String>,
    /// Nodes with a fault.
    pub(crate) targets: Vec<String>,
    pub(crate) expectations: Vec<ExpectationResult>,
    /// What happened to faults on a share of the connections.
    pub(crate) shares: Vec<ShareResult>,
    pub(crate) nodes: Vec<NodeReport>,
    /// What the way to the nodes adds before the fault. `None`: not measured.
    pub(crate) way: Option<Way>,
    /// What the lab's processes lacked: by phase and part, as shares of the time.
    pub(crate) machine: BTreeMap<&'static str, BTreeMap<&'static str, Share>>,
    /// Operations that were due and never sent, because no connection or worker was free. Only phases that have some.
    pub(crate) dropped_operations: BTreeMap<&'static str, u64>,
}

/// A run that was inconclusive and was repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attempt {
    pub(crate) run: String,
    pub(crate) reason: String,
}

/// The result of one expectation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ExpectationResult {
    pub(crate) name: String,
    pub(crate) judges: &'static str,
    pub(crate) phase: &'static str,
    pub(crate) must: String,
    /// `pass`, `fail`, `inconclusive` or `not applicable`.
    #[serde(serialize_with = "serialize_result")]
    pub(crate) result: Option<Finding>,
    pub(crate) reason: String,
    /// The page that explains an inconclusive result.
    pub(crate) page: Option<&'static str>,
    /// The query as it was sent.
    pub(crate) promql: String,
}

/// What the client measured of one node.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct NodeReport {
    pub(crate) server: String,
    pub(crate) target: bool,
    /// Whether an operation failed or the breaker changed state since testing began. `None` if not known.
    pub(crate) hurt: Option<bool>,
    pub(crate) time_to_detect_seconds: Option<f64>,
    #[serde(rename = "time_to_recover_seconds")]
    pub(crate) recovery: Recovery,
    pub(crate) phases: Vec<PhaseFigures>,
}

/// What the client measured of one node in one phase. `None` means no data.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PhaseFigures {
    pub(crate) phase: &'static str,
    #[serde(flatten)]
    pub(crate) window: Window,
    pub(crate) operations_per_second: Option<f64>,
    /// From 0 to 1.
    pub(crate) error_ratio: Option<f64>,
    /// Count per type; only types that occurred.
    pub(crate) errors: BTreeMap<String, u64>,
    #[serde(rename = "p50_seconds")]
    pub(crate) p50: Option<Quantile>,
    #[serde(rename = "p99_seconds")]
    pub(crate) p99: Option<Quantile>,
    /// The quantiles whose number is a lower bound.
    pub(crate) lower_bounds: Vec<&'static str>,
    /// Count per `from>to`; only changes that occurred.
    pub(crate) breaker_transitions: BTreeMap<String, u64>,
    pub(crate) wrong_values: Option<u64>,
}

impl RunReport {
    /// The report of a run without a verdict. `note` says why.
    pub(crate) fn without_verdict(scenario: &str, run: &str, targets: &[String], note: String) -> RunReport {
        RunReport {
            scenario: scenario.to_owned(),
            run: run.to_owned(),
            status: RunStatus::Inconclusive,
            note: Some(note),
            earlier_attempts: Vec::new(),
            planned_phases: PlannedPhases::default(),
            not_judged: Vec::new(),
            targets: targets.to_vec(),
            expectations: Vec::new(),
            shares: Vec::new(),
            nodes: Vec::new(),
            way: None,
            machine: BTreeMap::new(),
            dropped_operations: BTreeMap::new(),
        }
    }

    /// What the metrics show of the run. An expectation that was not judged is inconclusive.
    pub(crate) fn run_findings<'a>(&self, expected: impl Iterator<Item = &'a str>) -> RunFindings {
        let result = |name: &str| match self.expectations.iter().find(|expectation| expectation.name == name)
        {
            Some(expectation) => expectation.result,
            None => Some(Finding::Inconclusive),
        };
        let seconds = |time: Option<f64>| time.and_then(|time| Duration::try_from_secs_f64(time).ok());
        let times = |node: &NodeReport| NodeTimes {
            detect: seconds(node.time_to_detect_seconds),
            recover: seconds(node.recovery.seconds()),
        };
        RunFindings {
            findings: expected.map(|name| (name.to_owned(), result(name))).collect(),
            times: self.nodes.iter().map(|node| (node.server.clone(), times(node))).collect(),
        }
    }

    /// The note, the number of expectations per result, and faults that may not have lasted.
    pub(crate) fn describe(&self) -> String {
        let doubts = self.shares.iter().filter_map(ShareResult::doubt);
        let attempts = self.describe_attempts();
        let parts =
            self.note.iter().cloned().chain(self.describe_expectations()).chain(doubts).chain(attempts);
        parts.collect::<Vec<_>>().join("; ")
    }

    /// Which attempt this is, if earlier ones were inconclusive.
    pub(crate) fn describe_attempts(&self) -> Option<String> {
        let runs: Vec<&str> = self.earlier_attempts.iter().map(|attempt| attempt.run.as_str()).collect();
        let number = runs.len() + 1;
        (number > 1).then(|| format!("attempt {number}, inconclusive before: run {}", runs.join(", run ")))
    }

    fn describe_expectations(&self) -> Option<String> {
        let count = |result| self.expectations.iter().filter(|other| other.result == result).count();
        let (total, passed) = (self.expectations.len(), count(Some(Finding::Pass)));
        // A report with a note is about expectations of the whole run only.
        let scope = if self.note.is_some() { " of the whole run" } else { "" };
        let mut text = format!("{passed} of {total} expectations{scope} passed");
        for (result, word) in [
            (Some(Finding::Fail), "failed"),
            (Some(Finding::Inconclusive), "inconclusive"),
            (None, "not applicable"),
        ] {
            match count(result) {
                0 => {}
                count => text.push_str(&format!(", {count} {word}")),
            }
        }
        (total > 0).then_some(text)
    }
}

impl ExpectationResult {
    pub(crate) fn new(expectation: &Expectation, promql: String, judgement: &Judgement) -> ExpectationResult {
        ExpectationResult {
            name: expectation.name.clone(),
            judges: expectation.subject.as_str(),
            phase: expectation.during.as_str(),
            must: expectation.must.describe(),
            result: judgement.finding,
            reason: judgement.reason.clone(),
            page: (judgement.finding == Some(Finding::Inconclusive)).then(|| judgement.cause.page()),
            promql,
        }
    }
}

fn serialize_status<S: Serializer>(status: &RunStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.as_str())
}

fn serialize_result<S: Serializer>(finding: &Option<Finding>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(finding.map_or("not applicable", Finding::as_str))
}
