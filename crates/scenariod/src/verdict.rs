//! From the end of a walk to the end of its run: the verdict and what is told, exported and kept of it. An `impl` of the
//! runner that lives here so that `run` stays about wiring and walking.

use std::collections::{BTreeSet, VecDeque};
use std::time::SystemTime;

use daemon_core::exit::Exit;
use metrics_core::labels::RunStatus;
use serde_json::json;

use crate::assess::{Run, assess};
use crate::clock_watch::Look;
use crate::journal::Journal;
use crate::judge::stop::Cause;
use crate::moments::Moments;
use crate::plan::{Plan, TimeScale};
use crate::report::share::asked;
use crate::report::summary::Summary;
use crate::report::{Report, table};
use crate::run::{Ended, Runner};
use crate::scenario::Scenario;
use crate::stage::readable;
use crate::stop_watch::{Stopped, Watched};

/// Reports that are kept for `--json`: an endless loop must not grow without end.
const KEPT_REPORTS: usize = 200;

/// A run that is to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judging<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) plan: &'a Plan,
    pub(crate) scale: TimeScale,
    pub(crate) run: &'a str,
    pub(crate) label: &'a str,
    pub(crate) moments: Moments,
    pub(crate) clocks: &'a [Look],
    pub(crate) journal: &'a Journal,
}

/// The reports of a command.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    last: VecDeque<Report>,
    /// Of each scenario, in the order of their first runs: the last of those that ended worst.
    worst: Vec<Report>,
    summary: Summary,
}

impl Runner {
    /// Whoever watches the run for its stop conditions.
    pub(crate) fn watched(&self, scenario: &Scenario, plan: &Plan) -> Option<Watched> {
        Some(Watched {
            prometheus: self.order.prometheus.clone()?,
            grace: self.order.settings.stop_grace,
            rules: scenario.stop_when.clone(),
            targets: targets(plan),
            nodes: self.names.clone(),
        })
    }

    /// A run that walked all its phases. A signal cuts the judging short, as nothing is on any more.
    pub(crate) async fn judge(&self, judging: Judging<'_>, ended: &mut Ended) -> Exit {
        let end = SystemTime::now();
        self.scenario.run_walked(end);
        let Judging { scenario, plan, scale, run, label, moments, clocks, journal } = judging;
        let walked = "all phases walked, no toxic is left";
        let (Some(prometheus), Some(windows)) = (&self.order.prometheus, moments.windows(end)) else {
            return self.finish(label, &scenario.name, RunStatus::Success, walked, Exit::Ok, ended);
        };
        let facts = Run {
            scenario: &scenario.name,
            id: run,
            expectations: &scenario.expect,
            targets: targets(plan),
            shares: asked(plan),
            nodes: &self.names,
            windows,
            planned: plan.phases,
            clocks,
            shortened: scale.shortens(),
        };
        let report = tokio::select! {
            biased;
            () = self.stop.token.cancelled() => Report {
                status: RunStatus::Aborted,
                ..unjudged(&judging, "no verdict: interrupted".to_owned())
            },
            report = assess(prometheus, &facts) => report,
        };
        for trouble in report.troubles() {
            self.narrator.say(format!("{label}: {}", trouble.in_words()));
        }
        let what = format!("{walked}; {}", report.in_words());
        let status = report.status;
        let exit = match status {
            RunStatus::Aborted => self.stop.exit().unwrap_or(Exit::Interrupted),
            RunStatus::Success | RunStatus::Failed | RunStatus::Inconclusive => exit(status),
        };
        self.keep(report, journal, ended);
        self.finish(label, &scenario.name, status, &what, exit, ended)
    }

    /// A run that a stop condition ended early.
    pub(crate) fn stopped(&self, judging: Judging<'_>, stopped: &Stopped, ended: &mut Ended) -> Exit {
        let rule = &stopped.rule;
        let (status, why) = match stopped.cause {
            Cause::Met => (RunStatus::Failed, format!("{rule} for {}", readable(stopped.lasting))),
            Cause::Blind => (
                RunStatus::Inconclusive,
                format!("{rule} could not be read for {}", readable(self.order.settings.stop_grace)),
            ),
        };
        let what = format!("stopped early, no toxic is left: {why}");
        self.keep(Report { status, ..unjudged(&judging, what.clone()) }, judging.journal, ended);
        self.finish(judging.label, &judging.scenario.name, status, &what, exit(status), ended)
    }

    /// A run that nothing was judged of is on the record all the same.
    pub(crate) fn keep_unjudged(&self, judging: &Judging<'_>, ended: &mut Ended) {
        if let Some((status, what)) = ended.last.take()
            && !ended.reports.has(judging.run)
        {
            let report = Report { status, ..unjudged(judging, what) };
            if let Err(error) = judging.journal.note("verdict", &report) {
                tracing::warn!(%error, "the end of the run is not in the journal");
            }
            ended.reports.push(report);
        }
    }

    /// A run that has no journal is on the record as well.
    pub(crate) fn keep_unstarted(&self, scenario: &Scenario, plan: &Plan, run: &str, ended: &mut Ended) {
        if let Some((status, what)) = ended.last.take() {
            let targets: Vec<String> = targets(plan).into_iter().collect();
            ended.reports.push(Report { status, ..Report::unjudged(&scenario.name, run, &targets, what) });
        }
    }

    fn keep(&self, report: Report, journal: &Journal, ended: &mut Ended) {
        if let Err(error) = journal.note("verdict", &report) {
            tracing::warn!(%error, "the verdict is not in the journal");
        }
        self.verdict.judged(&report.scenario, report.shown());
        ended.reports.add(report);
    }
}

fn targets(plan: &Plan) -> BTreeSet<String> {
    plan.targets().into_iter().map(str::to_owned).collect()
}

fn unjudged(judging: &Judging<'_>, why: String) -> Report {
    let targets: Vec<String> = targets(judging.plan).into_iter().collect();
    Report::unjudged(&judging.scenario.name, judging.run, &targets, why)
}

fn exit(status: RunStatus) -> Exit {
    match status {
        RunStatus::Success => Exit::Ok,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Inconclusive => Exit::Inconclusive,
        RunStatus::Aborted => Exit::Interrupted,
    }
}

impl Reports {
    fn add(&mut self, report: Report) {
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
        self.push(report);
    }

    fn push(&mut self, report: Report) {
        if self.last.len() == KEPT_REPORTS {
            self.last.pop_front();
        }
        self.last.push_back(report);
    }

    fn has(&self, run: &str) -> bool {
        self.last.back().is_some_and(|last| last.run == run)
    }

    /// For people: the worst run of each scenario, then the figures of those that ran more than once.
    pub(crate) fn text(&self) -> String {
        let mut text: String = self.worst.iter().map(|worst| table::report(worst) + "\n").collect();
        let summary = self.summary.table();
        if !summary.is_empty() {
            text.push_str(&format!("{summary}\n"));
        }
        text
    }

    /// For programs: the last runs and the figures of those that ran more than once.
    pub(crate) fn json(&self) -> String {
        let report = json!({ "runs": self.last, "summary": self.summary.spreads() });
        format!("{report:#}\n")
    }
}
