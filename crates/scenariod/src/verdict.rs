//! Concludes a run after its last phase: evaluates its expectations, prints those that did not pass, returns the report.
//! Metrics and journal are written elsewhere.

pub(crate) mod clock_watch;
mod evaluate;
mod facts;
pub(crate) mod judgement;
pub(crate) mod live_series;
mod measure;
mod measure_machine;
pub(crate) mod measure_way;
pub(crate) mod outlook;
pub(crate) mod report;
mod reports;
pub(crate) mod stop_watch;
pub(crate) mod warn_ahead;

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
use crate::verdict::clock_watch::ClockReading;
use crate::verdict::evaluate::evaluate;
use crate::verdict::facts::{RunFacts, Scope};
use crate::verdict::judgement::stop::StopCause;
use crate::verdict::report::planned::PlannedPhases;
use crate::verdict::report::share::partial_faults;
use crate::verdict::report::{NO_EXPECTATIONS, RunReport};
use crate::verdict::stop_watch::StopReason;
pub(crate) use reports::Reports;

/// How long an evaluation may continue after a signal.
const SIGNAL_GRACE: Duration = Duration::from_secs(3);

/// Evaluates the runs of one command.
#[derive(Debug)]
pub(crate) struct Judge {
    /// Without a Prometheus there is no verdict.
    pub(crate) prometheus: Option<Prometheus>,
    /// All nodes of the lab.
    pub(crate) nodes: Vec<String>,
    /// How long metrics may be unreadable before a run with stop conditions is stopped.
    pub(crate) stop_grace: Duration,
    pub(crate) narrator: Narrator,
    pub(crate) interrupt: Interrupt,
}

/// The input for the verdict of one run, after its last phase.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRecord<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) plan: &'a Plan,
    pub(crate) id: &'a str,
    /// The prefix of its lines on the terminal.
    pub(crate) label: &'a str,
    pub(crate) moments: PhaseTimes,
    pub(crate) clocks: &'a [ClockReading],
    /// The end of the last phase.
    pub(crate) ended: SystemTime,
}

/// How the phases of a run ended.
#[derive(Clone, Debug)]
pub(crate) enum WalkEnd {
    /// All phases completed as planned.
    Completed,
    /// A stop condition ended testing.
    Stopped(StopReason),
    /// The run did not go as planned. Its conclusion holds unless a failed expectation makes it worse.
    Early(Conclusion),
}

/// How a run ended: as metric label, as exit code and in words.
#[derive(Clone, Debug)]
pub(crate) struct Conclusion {
    pub(crate) status: RunStatus,
    pub(crate) exit: Exit,
    pub(crate) what: String,
}

/// A finished run with its verdict.
#[derive(Debug)]
pub(crate) struct RunEnd {
    pub(crate) conclusion: Conclusion,
    pub(crate) report: RunReport,
}

impl Judge {
    /// Evaluates a run and prints every expectation that did not pass.
    pub(crate) async fn conclude(&self, run: &RunRecord<'_>, end: WalkEnd) -> RunEnd {
        let mut end = match end {
            WalkEnd::Completed => self.conclude_completed(run).await,
            WalkEnd::Stopped(reason) => self.conclude_early(run, self.stop_conclusion(&reason)).await,
            WalkEnd::Early(conclusion) => self.conclude_early(run, conclusion).await,
        };
        end.report.planned_phases = PlannedPhases::of(run.plan);
        end
    }

    /// A run that completed all its phases. No fault is active any more, so a signal ends the evaluation at once.
    async fn conclude_completed(&self, run: &RunRecord<'_>) -> RunEnd {
        let completed = "all phases completed, no toxic is left";
        let (Some(prometheus), Some(windows)) = (&self.prometheus, run.moments.windows(run.ended)) else {
            let what = completed.to_owned();
            return without_verdict(run, Conclusion { status: RunStatus::Success, exit: Exit::Ok, what });
        };
        let facts = self.facts(run, windows, Scope::Whole);
        let mut report = tokio::select! {
            biased;
            () = self.interrupt.token().cancelled() => RunReport {
                status: RunStatus::Aborted,
                ..report_without_verdict(run, "no verdict: interrupted".to_owned())
            },
            report = evaluate(prometheus, &facts) => report,
        };
        if run.scenario.expect.is_empty() {
            report.note.get_or_insert_with(|| NO_EXPECTATIONS.to_owned());
        }
        self.print_problems(run, &report);
        let (status, what) = (report.status, format!("{completed}; {}", report.describe()));
        let exit = match status {
            RunStatus::Aborted => self.interrupt.exit().unwrap_or(Exit::Interrupted),
            RunStatus::Success | RunStatus::Failed | RunStatus::Inconclusive => exit_of(status),
        };
        RunEnd { conclusion: Conclusion { status, exit, what }, report }
    }

    /// A run that did not go as planned. Expectations of the whole run apply to the part that took place.
    async fn conclude_early(&self, run: &RunRecord<'_>, early: Conclusion) -> RunEnd {
        // Without a fault there is nothing to evaluate. A fault that may still be active must be reported at once.
        let skipped = matches!(early.exit, Exit::Setup | Exit::Residue);
        let (Some(prometheus), Some(windows), false) =
            (&self.prometheus, run.moments.windows(run.ended), skipped)
        else {
            return without_verdict(run, early);
        };
        let facts = self.facts(run, windows, Scope::SoFar);
        let deadline = async {
            self.interrupt.token().cancelled().await;
            tokio::time::sleep(SIGNAL_GRACE).await;
        };
        let report = tokio::select! {
            () = deadline => report_without_verdict(run, "no verdict: interrupted".to_owned()),
            report = evaluate(prometheus, &facts) => report,
        };
        let (status, exit) = match (early.status, report.status) {
            (RunStatus::Inconclusive, RunStatus::Failed) => (RunStatus::Failed, Exit::Failed),
            (status, _) => (status, early.exit),
        };
        let note = match &report.note {
            Some(why) => format!("{}; {why}", early.what),
            None => early.what,
        };
        let report = RunReport { status, note: Some(note), ..report };
        self.print_problems(run, &report);
        let what = report.describe();
        RunEnd { conclusion: Conclusion { status, exit, what }, report }
    }

    fn stop_conclusion(&self, reason: &StopReason) -> Conclusion {
        let (status, verb, duration) = match reason.cause {
            StopCause::Met => (RunStatus::Failed, "was true", reason.lasting),
            StopCause::Unreadable => (RunStatus::Inconclusive, "could not be read", self.stop_grace),
        };
        let (rule, duration) = (&reason.rule, format_duration(duration));
        let what = format!("stopped early, no toxic is left: stop condition `{rule}` {verb} for {duration}");
        Conclusion { status, exit: exit_of(status), what }
    }

    fn facts<'a>(&'a self, run: &RunRecord<'a>, windows: Windows, scope: Scope) -> RunFacts<'a> {
        RunFacts {
            scenario: &run.scenario.name,
            id: run.id,
            expectations: &run.scenario.expect,
            targets: run.plan.targets(),
            partial_faults: partial_faults(run.plan),
            nodes: &self.nodes,
            windows,
            scope,
            planned: run.plan.phases,
            clocks: run.clocks,
        }
    }

    fn print_problems(&self, run: &RunRecord<'_>, report: &RunReport) {
        for problem in report.problems() {
            self.narrator.say(format!("{}: {}", run.label, problem.describe()));
        }
    }
}

fn without_verdict(run: &RunRecord<'_>, conclusion: Conclusion) -> RunEnd {
    let report = report_without_verdict(run, conclusion.what.clone());
    RunEnd { report: RunReport { status: conclusion.status, ..report }, conclusion }
}

fn report_without_verdict(run: &RunRecord<'_>, why: String) -> RunReport {
    let targets: Vec<String> = run.plan.targets().into_iter().collect();
    RunReport::without_verdict(&run.scenario.name, run.id, &targets, why)
}

fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Success => Exit::Ok,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Inconclusive => Exit::Inconclusive,
        RunStatus::Aborted => Exit::Interrupted,
    }
}
