//! What the runs of a command showed: the last of them, the worst of each scenario, and their figures. Nothing is judged here.

use std::collections::VecDeque;

use metrics_core::labels::RunStatus;
use serde_json::json;

use crate::verdict::report::summary::Summary;
use crate::verdict::report::{Report, table};

/// Reports that are kept for `--json`: an endless loop must not grow without end.
const KEPT_REPORTS: usize = 200;

/// The reports of a command.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    last: VecDeque<Report>,
    /// Runs before those.
    left_out: u64,
    /// Of each scenario, in the order of their first runs: the last of those that ended worst.
    worst: Vec<Report>,
    summary: Summary,
}

impl Reports {
    pub(crate) fn add(&mut self, report: Report) {
        self.summary.add(&report);
        let badness = |report: &Report| match report.status {
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
        if self.last.len() == KEPT_REPORTS {
            self.last.pop_front();
            self.left_out += 1;
        }
        self.last.push_back(report);
    }

    /// For people: the worst run of each scenario, then the figures of those that ran more than once.
    pub(crate) fn text(&self) -> String {
        // Of one that nothing befell and nothing is known of, the count says as much.
        let known = |report: &Report| !report.nodes.is_empty() || !report.expectations.is_empty();
        let telling = |report: &&Report| known(report) || report.status != RunStatus::Success;
        let mut text: String =
            self.worst.iter().filter(telling).map(|worst| table::report(worst) + "\n").collect();
        let summary = self.summary.table();
        if !summary.is_empty() {
            text.push_str(&format!("{summary}\n"));
        }
        text
    }

    /// For programs: the last runs and the figures of those that ran more than once.
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
    use crate::verdict::report::Node;

    fn run(run: &str, status: RunStatus, note: Option<&str>) -> Report {
        let note = note.map(str::to_owned);
        Report { status, note, ..Report::unjudged("x", run, &[], String::new()) }
    }

    #[test]
    fn the_worst_run_is_told_whatever_it_was_that_kept_it_from_a_verdict() {
        let mut reports = Reports::default();
        reports.add(run("1", RunStatus::Success, None));
        reports.add(run("2", RunStatus::Failed, Some("a fault may still be on")));
        reports.add(run("3", RunStatus::Inconclusive, Some("the injector was lost")));
        assert_eq!(reports.text(), "x (run 2): failed: a fault may still be on\n\n");
    }

    #[test]
    fn a_run_of_which_nothing_was_expected_shows_its_figures_and_claims_nothing() {
        let mut reports = Reports::default();
        let node = Node { server: "a".to_owned(), ..Node::default() };
        let note = "nothing is expected of it, so nothing was judged";
        reports.add(Report { nodes: vec![node], ..run("1", RunStatus::Success, Some(note)) });
        let told = reports.text();
        assert!(told.starts_with(&format!("x (run 1): success: {note}\n\n| node ")), "{told}");
    }

    #[test]
    fn what_nobody_asked_anything_of_is_only_counted() {
        let mut reports = Reports::default();
        reports.add(run("1", RunStatus::Success, Some("all phases walked")));
        assert_eq!(reports.text(), "");
    }

    #[test]
    fn a_program_is_told_how_many_runs_it_is_not_shown() {
        let mut reports = Reports::default();
        for number in 0..KEPT_REPORTS + 3 {
            reports.add(run(&number.to_string(), RunStatus::Success, None));
        }
        let json: serde_json::Value = serde_json::from_str(&reports.json()).unwrap();
        assert_eq!((json["runs"].as_array().unwrap().len(), json["runs_left_out"].as_u64()), (200, Some(3)));
        assert_eq!(json["runs"][0]["run"], "3");
    }
}
