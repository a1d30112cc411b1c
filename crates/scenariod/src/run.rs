//! Runs the list of a command. Each run has four steps: begin, walk, conclude, record. This is the only file that sees all
//! the others.

pub(crate) mod driver;
pub(crate) mod error;
pub(crate) mod linger;
pub(crate) mod live_line;
pub(crate) mod machine;
pub(crate) mod request;
mod results;
pub(crate) mod rig;
pub(crate) mod supervisor;
mod walk_end;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daemon_core::exit::Exit;
use daemon_core::signals::Signals;
use metrics_core::labels::RunStatus;
use tokio::sync::watch;

use crate::catalogue::playlist::PlaylistEntry;
use crate::clock;
use crate::injector::{Injector, InjectorParts};
use crate::lease::RunId;
use crate::metrics::{self, Families, Serving, SetupError};
use crate::plan::Plan;
use crate::run::error::RunError;
use crate::run::linger::linger;
use crate::run::live_line::LiveLine;
use crate::run::machine::Outcome;
use crate::run::rig::ToxiproxyRig;
use crate::run::supervisor::supervise;
use crate::scenario::Scenario;
use crate::scenario::phase_times::PhaseTimes;
use crate::state::journal::Journal;
use crate::terminal::interrupt::Interrupt;
use crate::terminal::narrator::{Narrator, Voice};
use crate::toxiproxy::{Client, NewProxy};
use crate::verdict::clock_watch::{ClockReading, ClockWatch};
use crate::verdict::outlook::PlannedExpectations;
use crate::verdict::report::Attempt;
use crate::verdict::report::planned::PlannedPhases;
use crate::verdict::stop_watch::{StopConditions, StopWatch};
use crate::verdict::warn_ahead::warn_ahead;
use crate::verdict::{Conclusion, Judge, RunEnd, RunRecord, WalkEnd};
use request::RunRequest;
pub(crate) use results::Results;

/// Runs the whole list. Catches signals from here on.
pub(crate) async fn run(request: RunRequest, narrator: Narrator) -> Result<Results, SetupError> {
    let signals = Signals::install().map_err(SetupError::Signals)?;
    let listener = metrics::bind(&request.settings.metrics_addr)?;
    let nodes = request.settings.names();
    let (families, serving) = metrics::serve(listener, request.first_pass(), &nodes);
    let client = Client::new(&request.settings.toxiproxy, Arc::clone(&families.toxiproxy))?;
    let interrupt = Interrupt::listen(signals, narrator.clone());
    if let Some(prometheus) = request.prometheus.clone() {
        warn_ahead(prometheus, PlannedExpectations::new(request.first_pass(), &nodes), narrator.clone());
    }
    let judge = Judge {
        prometheus: request.prometheus.clone(),
        nodes,
        stop_grace: request.settings.stop_grace,
        narrator: narrator.clone(),
        interrupt: interrupt.clone(),
    };
    let servers = request.settings.servers.clone().into();
    let runner = Runner { request, servers, client, families, judge, narrator, interrupt };
    let results = runner.run_list(&serving).await;
    serving.shut_down().await;
    Ok(results)
}

struct Runner {
    request: RunRequest,
    servers: Arc<[NewProxy]>,
    client: Client,
    families: Families,
    judge: Judge,
    narrator: Narrator,
    interrupt: Interrupt,
}

/// A run after `begin`.
struct ActiveRun<'a> {
    scenario: &'a Scenario,
    plan: Plan,
    id: RunId,
    /// The start of its lines on the terminal.
    label: String,
}

/// How a walk ended, and what its verdict is based on.
struct Walk {
    end: WalkEnd,
    errors: Vec<RunError>,
    moments: PhaseTimes,
    clocks: Vec<ClockReading>,
    ended: SystemTime,
    /// `None`: it could not be started.
    journal: Option<Arc<Journal>>,
}

impl Runner {
    async fn run_list(&self, serving: &Serving) -> Results {
        let mut results = Results::default();
        let mut pause = Duration::ZERO;
        let entries = self.request.loops.numbers().flat_map(|_| &self.request.entries);
        for (number, entry) in (1..).zip(entries) {
            if !pause.is_zero() {
                self.narrator.pausing(pause);
                tokio::select! {
                    () = self.interrupt.token().cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            pause = entry.pause;
            let (end, errors) = self.run_until_conclusive(entry, number, &mut results).await;
            let exit = end.conclusion.exit;
            results.add_run(end, errors);
            // The next run would be refused for the same reason, or disturbed by the fault that is left.
            if matches!(exit, Exit::Setup | Exit::Residue) || self.interrupt.is_set() {
                break;
            }
        }
        if results.exit() != Exit::Setup {
            if !self.request.linger.is_zero() {
                self.narrator.phase("all runs ended, waiting for two scrapes", self.request.linger);
            }
            linger(serving.scrapes(), self.request.linger, self.interrupt.token()).await;
        }
        if let Some(exit) = self.interrupt.exit() {
            results.raise_exit(exit);
        }
        results
    }

    /// One run, repeated while it is inconclusive and repetitions are left. Earlier attempts go to `results` at once.
    async fn run_until_conclusive(
        &self,
        entry: &PlaylistEntry,
        number: u64,
        results: &mut Results,
    ) -> (RunEnd, Vec<RunError>) {
        let mut earlier = Vec::new();
        loop {
            let (end, errors) = self.run_once(entry, number, &earlier).await;
            let left = usize::from(self.request.retries) - earlier.len();
            if left == 0 || !is_repeated(&end.conclusion) || self.interrupt.is_set() {
                return (end, errors);
            }
            let reason = end.conclusion.what.clone();
            earlier.push(Attempt { run: end.report.run.clone(), reason });
            results.add_attempt(end, errors);
        }
    }

    /// One run. Its faults are removed even if the walk crashes.
    async fn run_once(
        &self,
        entry: &PlaylistEntry,
        number: u64,
        earlier: &[Attempt],
    ) -> (RunEnd, Vec<RunError>) {
        let run = self.begin(entry, number);
        let walk = self.walk(&run).await;
        // No phase is shown while the run is judged.
        self.narrator.idle();
        let record = RunRecord {
            scenario: run.scenario,
            plan: &run.plan,
            id: run.id.as_str(),
            label: &run.label,
            moments: walk.moments,
            clocks: &walk.clocks,
            ended: walk.ended,
        };
        let mut end = self.judge.conclude(&record, walk.end).await;
        end.report.earlier_attempts = earlier.to_vec();
        if let Some(attempts) = end.report.describe_attempts() {
            end.conclusion.what = format!("{}; {attempts}", end.conclusion.what);
        }
        self.record(&run, walk.journal.as_deref(), &end, &walk.errors);
        (end, walk.errors)
    }

    /// Announces the run on the terminal and in the metrics.
    fn begin<'a>(&self, entry: &'a PlaylistEntry, number: u64) -> ActiveRun<'a> {
        let (scenario, plan, id) = (&entry.scenario, self.request.plan(entry, number), new_run_id());
        self.families.scenario.plan(&metrics::planned(&plan));
        self.families.scenario.run_started(&scenario.name, id.as_str());
        let count = self.request.loops.label(number, self.request.entries.len() as u64);
        self.narrator.run(format!("run {count} {}", scenario.name));
        let label = format!("run {count} {} {id}", scenario.name);
        if let Some(longer) = plan.lengths.describe() {
            self.narrator.say(format!("{label}: {longer}"));
        }
        ActiveRun { scenario, plan, id, label }
    }

    /// Walks the phases of the run. Stop conditions, clocks and the live line are watched meanwhile.
    async fn walk(&self, run: &ActiveRun<'_>) -> Walk {
        let name = run.scenario.name.as_str();
        let journal = match Journal::begin(&self.request.state, run.id.clone(), name, self.client.url()) {
            Ok(journal) => Arc::new(journal),
            Err(cause) => return Walk::refused(RunError::State { scenario: name.to_owned(), cause }),
        };
        // A full disk is reported later, when the run is about to inject.
        if let Err(error) = journal.record_note("phases", &PlannedPhases::of(&run.plan)) {
            tracing::warn!(%error, "the journal is incomplete");
        }
        let voice = Voice { narrator: self.narrator.clone(), label: run.label.clone() };
        let injector =
            Arc::new(Injector::new(self.injector_parts(&journal, voice.clone()), run.plan.clone()));
        let (moments, seen) = watch::channel(PhaseTimes::default());
        let families = Arc::clone(&self.families.scenario);
        let mut rig =
            ToxiproxyRig { injector: Arc::clone(&injector), families, voice, moments, injected: false };
        let stop = self.interrupt.token().child_token();
        let conditions = StopWatch::start(self.stop_conditions(run), seen.clone(), stop.clone());
        let clocks = ClockWatch::start(self.request.prometheus.as_ref(), seen.clone());
        let live_line =
            LiveLine::start(self.request.prometheus.as_ref(), &self.narrator, &run.plan, &self.judge.nodes);
        let phases = run.plan.phases;
        let walk = async move { driver::walk(&mut rig, &phases, &stop).await };
        let end = supervise(walk, &injector, name).await;
        drop(live_line);
        let (end, errors) = walk_end::walk_end(end, conditions.end(), self.interrupted());
        let (moments, ended) = (*seen.borrow(), SystemTime::now());
        if matches!(end, WalkEnd::Completed) {
            self.families.scenario.run_walked(ended);
        }
        Walk { end, errors, moments, clocks: clocks.end(), ended, journal: Some(journal) }
    }

    /// Records the end of the run in its journal, in the metrics and on the terminal.
    fn record(&self, run: &ActiveRun<'_>, journal: Option<&Journal>, end: &RunEnd, errors: &[RunError]) {
        let RunEnd { conclusion, report } = end;
        if let Some(Err(error)) = journal.map(|journal| journal.record_note("verdict", report)) {
            tracing::warn!(%error, "cannot record the verdict");
        }
        // Without a Prometheus no expectation has a result.
        if self.request.prometheus.is_some() {
            let expected = run.scenario.expect.iter().map(|expectation| expectation.name.as_str());
            self.families.verdict.record(&report.scenario, report.run_findings(expected));
        }
        self.families.scenario.run_finished(conclusion.status, SystemTime::now());
        self.narrator.say(format!("{}: {}: {}", run.label, conclusion.status, conclusion.what));
        self.narrator.idle();
        let hygiene = match conclusion.exit {
            Exit::Residue => "residue",
            _ if errors.iter().any(RunError::is_overdue) => "overdue",
            _ => "clean",
        };
        let written = journal.map(|journal| {
            journal.record_note("hygiene", &hygiene).and_then(|()| journal.record_end(conclusion.exit))
        });
        if let Some(Err(error)) = written {
            self.narrator.say(format!("warning: {}: cannot record the end of the run: {error}", run.label));
        }
    }

    fn injector_parts(&self, journal: &Arc<Journal>, voice: Voice) -> InjectorParts {
        InjectorParts {
            client: self.client.clone(),
            families: Arc::clone(&self.families.toxiproxy),
            servers: Arc::clone(&self.servers),
            state: self.request.state.clone(),
            journal: Arc::clone(journal),
            foreign: self.request.foreign,
            hook: self.request.settings.restart_hook.clone(),
            voice,
        }
    }

    /// The stop conditions of the run. `None` without a Prometheus to read them from.
    fn stop_conditions(&self, run: &ActiveRun<'_>) -> Option<StopConditions> {
        Some(StopConditions {
            prometheus: self.request.prometheus.clone()?,
            grace: self.request.settings.stop_grace,
            rules: run.scenario.stop_when.clone(),
            targets: run.plan.targets(),
            nodes: self.judge.nodes.clone(),
        })
    }

    /// The exit code of the signal that ends this command, if there was one.
    fn interrupted(&self) -> Option<Exit> {
        self.interrupt.is_set().then(|| self.interrupt.exit().unwrap_or(Exit::Interrupted))
    }
}

impl Walk {
    /// A walk that could not be started.
    fn refused(error: RunError) -> Walk {
        let (end, errors) = walk_end::early_end(Outcome::Refused, vec![error], None);
        let (moments, clocks) = (PhaseTimes::default(), Vec::new());
        Walk { end, errors, moments, clocks, ended: SystemTime::now(), journal: None }
    }
}

/// A failed run is never repeated, so that no repetition hides a failure.
fn is_repeated(conclusion: &Conclusion) -> bool {
    conclusion.status == RunStatus::Inconclusive && conclusion.exit == Exit::Inconclusive
}

fn new_run_id() -> RunId {
    let millis = clock::now().as_millis();
    RunId::new(u64::try_from(millis).unwrap_or_default(), fastrand::Rng::new().u16(..))
}
