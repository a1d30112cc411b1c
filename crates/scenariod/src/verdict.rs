//! From the end of a walk to the end of its run: has the run judged, prints what did not hold and gives the report.
//! Nothing is exported, counted or written here.

pub(crate) mod clock_watch;
pub(crate) mod evaluate;
pub(crate) mod judge;
pub(crate) mod report;
mod reports;
pub(crate) mod stop_watch;
pub(crate) mod warn_ahead;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use daemon_core::exit::Exit;
use metrics_core::labels::RunStatus;

use crate::plan::Plan;
use crate::prometheus::Prometheus;
use crate::scenario::phase_times::PhaseTimes;
use crate::scenario::{Scenario, Windows};
use crate::terminal::interrupt::Interrupt;
use crate::terminal::narrator::Narrator;
use crate::text::format_duration;
use crate::verdict::clock_watch::Look;
use crate::verdict::evaluate::{RunFacts, Scope, assess};
use crate::verdict::judge::stop::Cause;
use crate::verdict::report::share::asked;
use crate::verdict::report::{Report, UNJUDGED};
use crate::verdict::stop_watch::Stopped;
pub(crate) use reports::Reports;

/// How long judging may still take after a signal.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Gives the verdicts of a command.
#[derive(Debug)]
pub(crate) struct Judge {
    /// Without it nothing is judged.
    pub(crate) prometheus: Option<Prometheus>,
    /// All nodes of the lab.
    pub(crate) nodes: Vec<String>,
    /// How long metrics may be unreadable before a run with stop conditions is stopped.
    pub(crate) stop_grace: Duration,
    pub(crate) narrator: Narrator,
    pub(crate) interrupt: Interrupt,
}

/// A run whose walk has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRecord<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) plan: &'a Plan,
    pub(crate) id: &'a str,
    /// What its lines on the terminal begin with.
    pub(crate) label: &'a str,
    pub(crate) moments: PhaseTimes,
    pub(crate) clocks: &'a [Look],
    /// When the walk ended.
    pub(crate) ended: SystemTime,
}

/// How a walk ended.
#[derive(Clone, Debug)]
pub(crate) enum WalkEnd {
    /// All phases, as planned.
    Completed,
    /// A stop condition ended it.
    Stopped(Stopped),
    /// It did not go as planned; what that means for the run unless a verdict is worse.
    Early(Conclusion),
}

/// How a run ended: as exported, as an exit code and in words.
#[derive(Clone, Debug)]
pub(crate) struct Conclusion {
    pub(crate) status: RunStatus,
    pub(crate) exit: Exit,
    pub(crate) what: String,
}

/// A run with its verdict.
#[derive(Debug)]
pub(crate) struct RunEnd {
    pub(crate) conclusion: Conclusion,
    pub(crate) report: Report,
}

impl Judge {
    /// The end of a run. What did not hold is printed as it is found.
    pub(crate) async fn conclude(&self, run: &RunRecord<'_>, end: WalkEnd) -> RunEnd {
        match end {
            WalkEnd::Completed => self.conclude_whole(run).await,
            WalkEnd::Stopped(stopped) => self.conclude_early(run, self.stopped(&stopped)).await,
            WalkEnd::Early(conclusion) => self.conclude_early(run, conclusion).await,
        }
    }

    /// A run that walked all its phases. A signal cuts the judging short, as nothing is on any more.
    async fn conclude_whole(&self, run: &RunRecord<'_>) -> RunEnd {
        let walked = "all phases walked, no toxic is left";
        let (Some(prometheus), Some(windows)) = (&self.prometheus, run.moments.windows(run.ended)) else {
            let what = walked.to_owned();
            return unjudged(run, Conclusion { status: RunStatus::Success, exit: Exit::Ok, what });
        };
        let facts = self.facts(run, windows, Scope::Whole);
        let mut report = tokio::select! {
            biased;
            () = self.interrupt.token().cancelled() => Report {
                status: RunStatus::Aborted,
                ..unjudged_report(run, "no verdict: interrupted".to_owned())
            },
            report = assess(prometheus, &facts) => report,
        };
        if run.scenario.expect.is_empty() {
            report.note.get_or_insert_with(|| UNJUDGED.to_owned());
        }
        self.print_troubles(run, &report);
        let (status, what) = (report.status, format!("{walked}; {}", report.in_words()));
        let exit = match status {
            RunStatus::Aborted => self.interrupt.exit().unwrap_or(Exit::Interrupted),
            RunStatus::Success | RunStatus::Failed | RunStatus::Inconclusive => exit_of(status),
        };
        RunEnd { conclusion: Conclusion { status, exit, what }, report }
    }

    /// A run that did not go as planned. What is expected of all of a run is expected of what there was of it.
    async fn conclude_early(&self, run: &RunRecord<'_>, early: Conclusion) -> RunEnd {
        // Without a fault there was no run, and a fault that may still be on cannot wait.
        let bare = matches!(early.exit, Exit::Setup | Exit::Residue);
        let (Some(prometheus), Some(windows), false) =
            (&self.prometheus, run.moments.windows(run.ended), bare)
        else {
            return unjudged(run, early);
        };
        let facts = self.facts(run, windows, Scope::SoFar);
        let patience = async {
            self.interrupt.token().cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let report = tokio::select! {
            () = patience => unjudged_report(run, "no verdict: interrupted".to_owned()),
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
        self.print_troubles(run, &report);
        let what = report.in_words();
        RunEnd { conclusion: Conclusion { status, exit, what }, report }
    }

    fn stopped(&self, stopped: &Stopped) -> Conclusion {
        let rule = &stopped.rule;
        let (status, why) = match stopped.cause {
            Cause::Met => (RunStatus::Failed, format!("{rule} for {}", format_duration(stopped.lasting))),
            Cause::Blind => (
                RunStatus::Inconclusive,
                format!("{rule} could not be read for {}", format_duration(self.stop_grace)),
            ),
        };
        let what = format!("stopped early, no toxic is left: {why}");
        Conclusion { status, exit: exit_of(status), what }
    }

    fn facts<'a>(&'a self, run: &RunRecord<'a>, windows: Windows, scope: Scope) -> RunFacts<'a> {
        RunFacts {
            scenario: &run.scenario.name,
            id: run.id,
            expectations: &run.scenario.expect,
            targets: targets(run.plan),
            shares: asked(run.plan),
            nodes: &self.nodes,
            windows,
            scope,
            planned: run.plan.phases,
            clocks: run.clocks,
        }
    }

    fn print_troubles(&self, run: &RunRecord<'_>, report: &Report) {
        for trouble in report.troubles() {
            self.narrator.say(format!("{}: {}", run.label, trouble.in_words()));
        }
    }
}

fn targets(plan: &Plan) -> BTreeSet<String> {
    plan.targets().into_iter().map(str::to_owned).collect()
}

fn unjudged(run: &RunRecord<'_>, conclusion: Conclusion) -> RunEnd {
    let report = unjudged_report(run, conclusion.what.clone());
    RunEnd { report: Report { status: conclusion.status, ..report }, conclusion }
}

fn unjudged_report(run: &RunRecord<'_>, why: String) -> Report {
    let targets: Vec<String> = targets(run.plan).into_iter().collect();
    Report::unjudged(&run.scenario.name, run.id, &targets, why)
}

fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Success => Exit::Ok,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Inconclusive => Exit::Inconclusive,
        RunStatus::Aborted => Exit::Interrupted,
    }
}
