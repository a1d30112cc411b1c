//! Collects the reports of a command: the last runs, the worst run of each scenario, and the summary. Nothing is judged here.

use std::collections::VecDeque;

use metrics_core::labels::RunStatus;
use serde_json::json;

use crate::verdict::report::summary::Summary;
use crate::verdict::report::{RunReport, table};

/// How many reports are kept for `--json`. The limit keeps memory bounded in an endless loop.
const KEPT_REPORTS: usize = 200;

/// The reports of a command.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    last: VecDeque<RunReport>,
    /// Number of runs before `last`.
    left_out: u64,
    /// The worst run of each scenario, the later one of two that are equally bad. In the order of first runs.
    worst: Vec<RunReport>,
    summary: Summary,
}

impl Reports {
    pub(crate) fn add(&mut self, report: RunReport) {
        self.summary.add(&report);
        let badness = |report: &RunReport| match report.status {
            RunStatus::Success => 0,
            RunStatus::Aborted => 1,
            RunStatus::Inconclusive => 2,
            RunStatus::Failed => 3,
        };
        match self.worst.iter_mut().find(|worst| worst.scenario == report.scenario) {
            Some(worst) if badness(worst) <= badness(&report) => *worst = report.clone(),
            Some(_) => {}
            None => self.worst.push(report.clone()),
        }
        self.keep(report);
    }

    /// Keeps a report for programs. It does not count in the summary.
    pub(crate) fn keep(&mut self, report: RunReport) {
        if self.last.len() == KEPT_REPORTS {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(report);
    }

    /// For people: the worst run of each scenario, then the summary of scenarios that ran more than once.
    pub(crate) fn text(&self) -> String {
        // A successful run without data would only repeat the count of runs.
        let has_data = |report: &RunReport| !report.nodes.is_empty() || !report.expectations.is_empty();
        let is_shown = |report: &&RunReport| has_data(report) || report.status != RunStatus::Success;
        let mut text: String =
            self.worst.iter().filter(is_shown).map(|worst| table::format_report(worst) + "\n").collect();
        let summary = self.summary.table();
        if !summary.is_empty() {
            text.push_str(&format!("{summary}\n"));
        }
        text
    }

    /// For programs: the last runs and the summary of scenarios that ran more than once.
    pub(crate) fn json(&self) -> String {
        let report = json!({
            "runs": self.last,
            "runs_left_out": self.left_out,
            "summary": self.summary.spreads(),
        });
        format!("{report:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::report::NodeReport;

    fn run(run: &str, status: RunStatus, note: Option<&str>) -> RunReport {
        let note = note.map(str::to_owned);
        RunReport { status, note, ..RunReport::without_verdict("x", run, &[], String::new()) }
    }

    #[test]
    fn the_worst_run_is_shown_even_without_a_verdict() {
        let mut reports = Reports::default();
        reports.add(run("1", RunStatus::Success, None));
        reports.add(run("2", RunStatus::Failed, Some("a fault may still be active")));
        reports.add(run("3", RunStatus::Inconclusive, Some("the injector was lost")));
        assert_eq!(reports.text(), "x (run 2): failed: a fault may still be active\n\n");
    }

    #[test]
    fn a_run_without_expectations_shows_its_figures() {
        let mut reports = Reports::default();
        let node = NodeReport { server: "a".to_owned(), ..NodeReport::default() };
        let note = "it has no expectations, so nothing was judged";
        reports.add(RunReport { nodes: vec![node], ..run("1", RunStatus::Success, Some(note)) });
        let text = reports.text();
        assert!(text.starts_with(&format!("x (run 1): success: {note}\n\n| node ")), "{text}");
    }

    #[test]
    fn a_successful_run_without_data_is_not_shown() {
        let mut reports = Reports::default();
        reports.add(run("1", RunStatus::Success, Some("all phases completed")));
        assert_eq!(reports.text(), "");
    }

    #[test]
    fn json_has_the_last_runs_and_the_number_left_out() {
        let mut reports = Reports::default();
        for number in 0..KEPT_REPORTS + 3 {
            reports.add(run(&number.to_string(), RunStatus::Success, None));
        }
        let json: serde_json::Value = serde_json::from_str(&reports.json()).unwrap();
        assert_eq!((json["runs"].as_array().unwrap().len(), json["runs_left_out"].as_u64()), (200, Some(3)));
        assert_eq!(json["runs"][0]["run"], "3");
    }
}
