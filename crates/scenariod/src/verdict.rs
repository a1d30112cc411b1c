//! From the end of a walk to the end of its run: the verdict and what is told, exported and kept of it. An `impl` of the
//! runner that lives here so that `run` stays about wiring and walking.

mod reports;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use daemon_core::exit::Exit;
use metrics_core::labels::RunStatus;

use crate::assess::{Run, Scope, assess};
use crate::clock_watch::Look;
use crate::journal::Journal;
use crate::judge::stop::Cause;
use crate::moments::Moments;
use crate::plan::Plan;
use crate::report::share::asked;
use crate::report::{Report, UNJUDGED};
use crate::run::{Ended, Runner};
use crate::scenario::Scenario;
use crate::scenario::Windows;
use crate::stop_watch::{Stopped, Watched};
use crate::text::format_duration;
pub(crate) use reports::Reports;

/// Whoever interrupts a run waits so long at most for what it showed.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A run that is to be judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judging<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) plan: &'a Plan,
    pub(crate) run: &'a str,
    pub(crate) label: &'a str,
    pub(crate) moments: Moments,
    pub(crate) clocks: &'a [Look],
    /// None where it could not be begun.
    pub(crate) journal: Option<&'a Journal>,
}

/// How a run ended that did not go as planned.
#[derive(Clone, Debug)]
pub(crate) struct Early {
    pub(crate) status: RunStatus,
    pub(crate) exit: Exit,
    /// In words.
    pub(crate) what: String,
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
        let Judging { scenario, label, moments, .. } = judging;
        let walked = "all phases walked, no toxic is left";
        let (Some(prometheus), Some(windows)) = (&self.order.prometheus, moments.windows(end)) else {
            return self.finish(label, &scenario.name, RunStatus::Success, walked, Exit::Ok, ended);
        };
        let facts = self.facts(&judging, windows, Scope::Whole);
        let mut report = tokio::select! {
            biased;
            () = self.stop.token.cancelled() => Report {
                status: RunStatus::Aborted,
                ..unjudged(&judging, "no verdict: interrupted".to_owned())
            },
            report = assess(prometheus, &facts) => report,
        };
        if scenario.expect.is_empty() {
            report.note.get_or_insert_with(|| UNJUDGED.to_owned());
        }
        self.tell(label, &report);
        let what = format!("{walked}; {}", report.in_words());
        let status = report.status;
        let exit = match status {
            RunStatus::Aborted => self.stop.exit().unwrap_or(Exit::Interrupted),
            RunStatus::Success | RunStatus::Failed | RunStatus::Inconclusive => exit(status),
        };
        self.keep(report, &judging, ended);
        self.finish(label, &scenario.name, status, &what, exit, ended)
    }

    /// A run that a stop condition ended.
    pub(crate) async fn stopped(&self, judging: Judging<'_>, stopped: &Stopped, ended: &mut Ended) -> Exit {
        let rule = &stopped.rule;
        let (status, why) = match stopped.cause {
            Cause::Met => (RunStatus::Failed, format!("{rule} for {}", format_duration(stopped.lasting))),
            Cause::Blind => (
                RunStatus::Inconclusive,
                format!("{rule} could not be read for {}", format_duration(self.order.settings.stop_grace)),
            ),
        };
        let what = format!("stopped early, no toxic is left: {why}");
        self.end_early(judging, Early { status, exit: exit(status), what }, ended).await
    }

    /// A run that did not go as planned. What is expected of all of a run is expected of what there was of it.
    pub(crate) async fn end_early(&self, judging: Judging<'_>, early: Early, ended: &mut Ended) -> Exit {
        let end = SystemTime::now();
        let Judging { scenario, label, moments, .. } = judging;
        // Without a fault there was no run, and a fault that may still be on cannot wait.
        let bare = matches!(early.exit, Exit::Setup | Exit::Residue);
        let (Some(prometheus), Some(windows), false) = (&self.order.prometheus, moments.windows(end), bare)
        else {
            return self.finish(label, &scenario.name, early.status, &early.what, early.exit, ended);
        };
        let facts = self.facts(&judging, windows, Scope::SoFar);
        let patience = async {
            self.stop.token.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let report = tokio::select! {
            () = patience => unjudged(&judging, "no verdict: interrupted".to_owned()),
            report = assess(prometheus, &facts) => report,
        };
        let (status, exit) = match (early.status, report.status) {
            (RunStatus::Inconclusive, RunStatus::Failed) => (RunStatus::Failed, Exit::Failed),
            (status, _) => (status, early.exit),
        };
        let note = match &report.note {
            Some(why) => format!("{}; {why}", early.what),
            None => early.what,
        };
        let report = Report { status, note: Some(note), ..report };
        self.tell(label, &report);
        let what = report.in_words();
        self.keep(report, &judging, ended);
        self.finish(label, &scenario.name, status, &what, exit, ended)
    }

    /// A run that nothing was judged of is on the record all the same.
    pub(crate) fn keep_unjudged(&self, judging: &Judging<'_>, ended: &mut Ended) {
        if let Some((status, what)) = ended.last.take()
            && !ended.reports.has(judging.run)
        {
            self.keep(Report { status, ..unjudged(judging, what) }, judging, ended);
        }
    }

    fn facts<'a>(&'a self, judging: &Judging<'a>, windows: Windows, scope: Scope) -> Run<'a> {
        Run {
            scenario: &judging.scenario.name,
            id: judging.run,
            expectations: &judging.scenario.expect,
            targets: targets(judging.plan),
            shares: asked(judging.plan),
            nodes: &self.names,
            windows,
            scope,
            planned: judging.plan.phases,
            clocks: judging.clocks,
        }
    }

    /// What did not hold, as it is found.
    fn tell(&self, label: &str, report: &Report) {
        for trouble in report.troubles() {
            self.narrator.say(format!("{label}: {}", trouble.in_words()));
        }
    }

    fn keep(&self, report: Report, judging: &Judging<'_>, ended: &mut Ended) {
        if let Some(Err(error)) = judging.journal.map(|journal| journal.note("verdict", &report)) {
            tracing::warn!(%error, "the verdict is not in the journal");
        }
        // Where nothing is to be judged, nothing is inconclusive.
        if self.order.prometheus.is_some() {
            let expected = judging.scenario.expect.iter().map(|expectation| expectation.name.as_str());
            self.verdict.judged(&report.scenario, report.shown(expected));
        }
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
