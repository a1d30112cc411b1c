//! `scenariod --scenario ...`: walks the runs of an order, each in four steps, and folds their ends together. The only file
//! that sees all the others.

pub(crate) mod driver;
mod ending;
pub(crate) mod linger;
pub(crate) mod live_line;
pub(crate) mod machine;
pub(crate) mod order;
mod results;
pub(crate) mod rig;
pub(crate) mod supervisor;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daemon_core::exit::Exit;
use daemon_core::signals::Signals;
use tokio::sync::watch;

use crate::catalogue::playlist::PlaylistEntry;
use crate::clock;
use crate::injector::{Injector, Kit};
use crate::lease::RunId;
use crate::metrics::{self, Families, Serving, SetupError};
use crate::plan::Plan;
use crate::run::linger::linger;
use crate::run::live_line::Live;
use crate::run::machine::Outcome;
use crate::run::rig::{RunError, Stage};
use crate::run::supervisor::supervise;
use crate::scenario::Scenario;
use crate::scenario::phase_times::PhaseTimes;
use crate::state::journal::Journal;
use crate::terminal::interrupt::Interrupt;
use crate::terminal::narrator::{Narrator, Voice};
use crate::toxiproxy::{Client, NewProxy};
use crate::verdict::clock_watch::{ClockWatch, Look};
use crate::verdict::stop_watch::{StopWatch, Watched};
use crate::verdict::warn_ahead::{Ahead, forewarn};
use crate::verdict::{Judge, RunEnd, RunRecord, WalkEnd};
use order::Order;
pub(crate) use results::Results;

/// Walks every run of the order. Signals are caught from here on.
pub(crate) async fn run(order: Order, narrator: Narrator) -> Result<Results, SetupError> {
    let signals = Signals::install().map_err(SetupError::Signals)?;
    let listener = metrics::bind(&order.settings.metrics_addr)?;
    let nodes = order.settings.names();
    let (families, serving) = metrics::serve(listener, order.first_walk(), &nodes);
    let client = Client::new(&order.settings.toxiproxy, Arc::clone(&families.toxiproxy))?;
    let interrupt = Interrupt::listen(signals, narrator.clone());
    if let Some(prometheus) = order.prometheus.clone() {
        forewarn(prometheus, Ahead::of(order.first_walk(), &nodes), narrator.clone());
    }
    let judge = Judge {
        prometheus: order.prometheus.clone(),
        nodes,
        stop_grace: order.settings.stop_grace,
        narrator: narrator.clone(),
        interrupt: interrupt.clone(),
    };
    let servers = order.settings.servers.clone().into();
    let runner = Runner { order, servers, client, families, judge, narrator, interrupt };
    let results = runner.walk_list(&serving).await;
    serving.shut_down().await;
    Ok(results)
}

struct Runner {
    order: Order,
    servers: Arc<[NewProxy]>,
    client: Client,
    families: Families,
    judge: Judge,
    narrator: Narrator,
    interrupt: Interrupt,
}

/// A run that has begun.
struct ActiveRun<'a> {
    scenario: &'a Scenario,
    plan: Plan,
    id: RunId,
    /// What its lines on the terminal begin with.
    label: String,
}

/// What a walk left: how it ended, and what there is to judge it by.
struct Walk {
    end: WalkEnd,
    errors: Vec<RunError>,
    moments: PhaseTimes,
    clocks: Vec<Look>,
    ended: SystemTime,
    /// None where it could not be begun.
    journal: Option<Arc<Journal>>,
}

impl Runner {
    async fn walk_list(&self, serving: &Serving) -> Results {
        let mut results = Results::default();
        let mut pause = Duration::ZERO;
        let entries = self.order.loops.numbers().flat_map(|_| &self.order.entries);
        for (number, entry) in (1..).zip(entries) {
            if !pause.is_zero() {
                self.narrator.pausing(pause);
                tokio::select! {
                    () = self.interrupt.token().cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            pause = entry.pause;
            let (end, errors) = self.run_once(entry, number).await;
            let exit = end.conclusion.exit;
            results.add(end, errors);
            // What refused one run refuses the next; what may still be on would spoil it.
            if matches!(exit, Exit::Setup | Exit::Residue) || self.interrupt.is_set() {
                break;
            }
        }
        if results.exit() != Exit::Setup {
            if !self.order.linger.is_zero() {
                self.narrator.phase("all runs ended, staying for two scrapes", self.order.linger);
            }
            linger(serving.scrapes(), self.order.linger, self.interrupt.token()).await;
        }
        if let Some(exit) = self.interrupt.exit() {
            results.worsen(exit);
        }
        results
    }

    /// One run, from its first line to its last. Its faults are healed whatever becomes of the walk.
    async fn run_once(&self, entry: &PlaylistEntry, number: u64) -> (RunEnd, Vec<RunError>) {
        let run = self.begin(entry, number);
        let walk = self.walk(&run).await;
        // No phase is on while the run is judged.
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
        let end = self.judge.conclude(&record, walk.end).await;
        self.record(&run, walk.journal.as_deref(), &end, &walk.errors);
        (end, walk.errors)
    }

    /// Announces a run, on the terminal and in the metrics.
    fn begin<'a>(&self, entry: &'a PlaylistEntry, number: u64) -> ActiveRun<'a> {
        let (scenario, plan, id) = (&entry.scenario, self.order.plan(entry, number), new_run_id());
        self.families.scenario.plan(&metrics::planned(&plan));
        self.families.scenario.run_started(&scenario.name, id.as_str());
        let count = self.order.loops.label(number, self.order.entries.len() as u64);
        self.narrator.run(format!("run {count} {}", scenario.name));
        let label = format!("run {count} {} {id}", scenario.name);
        ActiveRun { scenario, plan, id, label }
    }

    /// Walks the phases of a run, with all that watches it meanwhile.
    async fn walk(&self, run: &ActiveRun<'_>) -> Walk {
        let name = run.scenario.name.as_str();
        let journal = match Journal::begin(&self.order.state, run.id.clone(), name, self.client.url()) {
            Ok(journal) => Arc::new(journal),
            Err(cause) => return Walk::refused(RunError::State { scenario: name.to_owned(), cause }),
        };
        let voice = Voice { narrator: self.narrator.clone(), label: run.label.clone() };
        let injector = Arc::new(Injector::new(self.kit(&journal, voice.clone()), run.plan.clone()));
        let (moments, seen) = watch::channel(PhaseTimes::default());
        let families = Arc::clone(&self.families.scenario);
        let mut stage = Stage { injector: Arc::clone(&injector), families, voice, moments, injected: false };
        let stop = self.interrupt.token().child_token();
        let conditions = StopWatch::start(self.watched(run), seen.clone(), stop.clone());
        let clocks = ClockWatch::start(self.order.prometheus.as_ref(), seen.clone());
        let live = Live::start(self.order.prometheus.as_ref(), &self.narrator, &run.plan);
        let phases = run.plan.phases;
        let walk = async move { driver::walk(&mut stage, &phases, &stop).await };
        let ending = supervise(walk, &injector, name).await;
        drop(live);
        let (end, errors) = ending::walk_end(ending, conditions.end(), self.interrupted());
        let (moments, ended) = (*seen.borrow(), SystemTime::now());
        if matches!(end, WalkEnd::Completed) {
            self.families.scenario.run_walked(ended);
        }
        Walk { end, errors, moments, clocks: clocks.end(), ended, journal: Some(journal) }
    }

    /// Puts the end of a run on record: journal, metrics, terminal.
    fn record(&self, run: &ActiveRun<'_>, journal: Option<&Journal>, end: &RunEnd, errors: &[RunError]) {
        let RunEnd { conclusion, report } = end;
        if let Some(Err(error)) = journal.map(|journal| journal.note("verdict", report)) {
            tracing::warn!(%error, "the verdict is not in the journal");
        }
        // Where nothing is to be judged, nothing is inconclusive.
        if self.order.prometheus.is_some() {
            let expected = run.scenario.expect.iter().map(|expectation| expectation.name.as_str());
            self.families.verdict.judged(&report.scenario, report.shown(expected));
        }
        self.families.scenario.run_finished(conclusion.status, SystemTime::now());
        self.narrator.say(format!("{}: {}: {}", run.label, conclusion.status, conclusion.what));
        self.narrator.idle();
        let hygiene = match conclusion.exit {
            Exit::Residue => "residue",
            _ if errors.iter().any(RunError::is_overdue) => "overdue",
            _ => "clean",
        };
        let written = journal
            .map(|journal| journal.note("hygiene", &hygiene).and_then(|()| journal.end(conclusion.exit)));
        if let Some(Err(error)) = written {
            self.narrator
                .say(format!("warning: {}: the end of the run is not on record: {error}", run.label));
        }
    }

    /// What the injector of a run works with.
    fn kit(&self, journal: &Arc<Journal>, voice: Voice) -> Kit {
        Kit {
            client: self.client.clone(),
            families: Arc::clone(&self.families.toxiproxy),
            servers: Arc::clone(&self.servers),
            state: self.order.state.clone(),
            journal: Arc::clone(journal),
            foreign: self.order.foreign,
            hook: self.order.settings.restart_hook.clone(),
            voice,
        }
    }

    /// The stop conditions of a run; none without a Prometheus to read them from.
    fn watched(&self, run: &ActiveRun<'_>) -> Option<Watched> {
        Some(Watched {
            prometheus: self.order.prometheus.clone()?,
            grace: self.order.settings.stop_grace,
            rules: run.scenario.stop_when.clone(),
            targets: run.plan.targets().into_iter().map(str::to_owned).collect(),
            nodes: self.judge.nodes.clone(),
        })
    }

    /// The exit code of the signal that ends this command, where one came.
    fn interrupted(&self) -> Option<Exit> {
        self.interrupt.is_set().then(|| self.interrupt.exit().unwrap_or(Exit::Interrupted))
    }
}

impl Walk {
    /// One that did not begin.
    fn refused(error: RunError) -> Walk {
        let (end, errors) = ending::early(Outcome::Refused, vec![error], None);
        let (moments, clocks) = (PhaseTimes::default(), Vec::new());
        Walk { end, errors, moments, clocks, ended: SystemTime::now(), journal: None }
    }
}

fn new_run_id() -> RunId {
    let millis = clock::now().as_millis();
    RunId::new(u64::try_from(millis).unwrap_or_default(), fastrand::Rng::new().u16(..))
}
