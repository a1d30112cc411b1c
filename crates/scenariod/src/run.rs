//! `scenariod --scenario ...`: wires everything and walks the list. The only file that sees all the others.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use daemon_core::exit::{Exit, UserError};
use daemon_core::signals::{Signal, Signals};
use metrics_core::families::scenario::ScenarioFamilies;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use metrics_core::families::verdict::VerdictFamilies;
use metrics_core::labels::RunStatus;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock_watch::ClockWatch;
use crate::driver::{self, Walked};
use crate::epoch;
use crate::forewarn::forewarn;
use crate::injector::{Foreign, Injector, Kit};
use crate::journal::Journal;
use crate::lease::RunId;
use crate::linger::linger;
use crate::live::Live;
use crate::machine::Outcome;
use crate::metrics::{self, Serving, SetupError};
use crate::moments::Moments;
use crate::narrator::{Narrator, Voice};
use crate::plan::Plan;
use crate::playlist::Entry;
use crate::prom::Prometheus;
use crate::scenario::Scenario;
use crate::schedule::{Loops, Tally};
use crate::settings::Settings;
use crate::stage::{RunError, Stage};
use crate::state::StateDir;
use crate::stop_watch::StopWatch;
use crate::supervisor::{Ending, supervise};
use crate::toxiproxy::Client;
use crate::verdict::{Early, Judging, Reports};

/// What is to be run, all of it checked.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) entries: Vec<Entry>,
    pub(crate) loops: Loops,
    /// For entries without one of their own.
    pub(crate) seed: u64,
    /// What is worth saying before the first run.
    pub(crate) note: Option<String>,
    pub(crate) linger: Duration,
    pub(crate) settings: Settings,
    pub(crate) state: StateDir,
    pub(crate) foreign: Foreign,
    /// Reads the verdict; without it, phases are walked and nothing is judged.
    pub(crate) prometheus: Option<Prometheus>,
}

impl Order {
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.entries.iter().map(|entry| &entry.scenario)
    }

    /// The plan of an entry in the run of this number, from 1.
    pub(crate) fn plan(&self, entry: &Entry, number: u64) -> Plan {
        let seed = entry.seed.unwrap_or_else(|| self.seed.wrapping_add(number - 1));
        Plan::new(&entry.scenario, &self.settings.names(), entry.scale, seed)
    }
}

/// How the runs of a command ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) tally: Tally,
    pub(crate) errors: Vec<RunError>,
    pub(crate) reports: Reports,
    /// How the last run ended, as it was told.
    pub(crate) last: Option<(RunStatus, String)>,
    exit: Option<Exit>,
}

impl Ended {
    /// The worst of all runs.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.unwrap_or(Exit::Ok)
    }

    fn worsen(&mut self, exit: Exit) {
        self.exit = Some(self.exit().worst(exit));
    }
}

/// Walks every run of the order. Signals are caught from here on.
pub(crate) async fn run(order: Order, narrator: Narrator) -> Result<Ended, SetupError> {
    let signals = Signals::install().map_err(SetupError::Signals)?;
    let listener = metrics::bind(&order.settings.metrics_addr)?;
    let (families, serving) = metrics::serve(listener, &order)?;
    let client = Client::new(&order.settings.toxiproxy, Arc::clone(&families.toxiproxy))?;
    let stop = Stop::on(signals, narrator.clone());
    let runner = Runner {
        names: order.settings.names(),
        servers: order.settings.servers.clone().into(),
        order,
        client,
        scenario: families.scenario,
        verdict: families.verdict,
        toxiproxy: families.toxiproxy,
        narrator,
        stop,
    };
    forewarn(&runner.order, &runner.narrator);
    let ended = runner.walk_list(&serving).await;
    serving.shut_down().await;
    Ok(ended)
}

/// The first signal, and the token it cancels.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) token: CancellationToken,
    caught: Arc<OnceLock<Signal>>,
}

impl Stop {
    fn on(mut signals: Signals, narrator: Narrator) -> Stop {
        let stop = Stop { token: CancellationToken::new(), caught: Arc::default() };
        let first = stop.clone();
        tokio::spawn(async move {
            loop {
                let signal = signals.recv().await;
                if first.caught.set(signal).is_ok() {
                    narrator.say(format!("{}: removing what is injected, then ending", signal.name()));
                    first.token.cancel();
                } else {
                    narrator.say(format!("{}: removal is under way and is not cut short", signal.name()));
                }
            }
        });
        stop
    }

    pub(crate) fn exit(&self) -> Option<Exit> {
        self.caught.get().map(|signal| signal.exit())
    }
}

pub(crate) struct Runner {
    pub(crate) order: Order,
    servers: Arc<[crate::toxiproxy::NewProxy]>,
    pub(crate) names: Vec<String>,
    client: Client,
    pub(crate) scenario: Arc<ScenarioFamilies>,
    pub(crate) verdict: Arc<VerdictFamilies>,
    toxiproxy: Arc<ToxiproxyFamilies>,
    pub(crate) narrator: Narrator,
    pub(crate) stop: Stop,
}

impl Runner {
    async fn walk_list(&self, serving: &Serving) -> Ended {
        let mut ended = Ended::default();
        let mut number = 0;
        let mut pause = Duration::ZERO;
        let runs = self.order.loops.numbers().flat_map(|_| &self.order.entries);
        for entry in runs {
            if !pause.is_zero() {
                self.narrator.pausing(pause);
                tokio::select! {
                    () = self.stop.token.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
            }
            pause = entry.pause;
            number += 1;
            let exit = self.one(entry, number, &mut ended).await;
            ended.worsen(exit);
            // What refused one run refuses the next; what may still be on would spoil it.
            if matches!(exit, Exit::Setup | Exit::Residue) || self.stop.token.is_cancelled() {
                break;
            }
        }
        if ended.exit() != Exit::Setup {
            if !self.order.linger.is_zero() {
                self.narrator.phase("all runs ended, staying for two scrapes", self.order.linger);
            }
            linger(serving.scrapes(), self.order.linger, &self.stop.token).await;
        }
        if let Some(exit) = self.stop.exit() {
            ended.worsen(exit);
        }
        ended
    }

    /// One run, from the first look to the count. Its faults are healed whatever becomes of the walk.
    async fn one(&self, entry: &Entry, number: u64, ended: &mut Ended) -> Exit {
        let scenario = &entry.scenario;
        let known = ended.errors.len();
        let plan = self.order.plan(entry, number);
        let phases = plan.phases;
        let run = run_id();
        self.scenario.plan(&metrics::planned(&plan));
        self.scenario.run_started(&scenario.name, run.as_str());
        let count = self.order.loops.label(number, self.order.entries.len() as u64);
        let label = format!("run {count} {} {run}", scenario.name);
        self.narrator.run(format!("run {count} {}", scenario.name));
        let voice = Voice { narrator: self.narrator.clone(), label: label.clone() };
        let id = run.as_str().to_owned();
        let began = Journal::begin(&self.order.state, run, &scenario.name, self.client.url());
        let journal = match began.map(Arc::new) {
            Ok(journal) => journal,
            Err(cause) => {
                ended.errors.push(RunError::State { scenario: scenario.name.clone(), cause });
                let nothing = Judging {
                    scenario,
                    plan: &plan,
                    run: &id,
                    label: &label,
                    moments: Moments::default(),
                    clocks: &[],
                    journal: None,
                };
                let exit = self.end_early(nothing, self.early(Outcome::Refused, ended), ended).await;
                self.keep_unjudged(&nothing, ended);
                return exit;
            }
        };
        let kit = Kit {
            client: self.client.clone(),
            families: Arc::clone(&self.toxiproxy),
            servers: Arc::clone(&self.servers),
            state: self.order.state.clone(),
            journal: Arc::clone(&journal),
            foreign: self.order.foreign,
            hook: self.order.settings.restart_hook.clone(),
            voice: voice.clone(),
        };
        let injector = Arc::new(Injector::new(kit, plan));
        let families = Arc::clone(&self.scenario);
        let (moments, seen) = watch::channel(Moments::default());
        let mut stage = Stage { injector: Arc::clone(&injector), families, voice, moments, injected: false };
        let stop = self.stop.token.child_token();
        let watching = StopWatch::start(self.watched(scenario, injector.plan()), seen.clone(), stop.clone());
        let clock = ClockWatch::start(self.order.prometheus.as_ref(), seen.clone());
        let live = Live::start(self.order.prometheus.as_ref(), &self.narrator, injector.plan());
        let walk = async move { driver::walk(&mut stage, &phases, &stop).await };
        let name = scenario.name.as_str();
        let ending = supervise(walk, &injector, name).await;
        drop(live);
        // No phase is on while the run is judged.
        self.narrator.idle();
        let clocks = clock.end();
        let (plan, moments) = (injector.plan(), *seen.borrow());
        let judged = Judging {
            scenario,
            plan,
            run: &id,
            label: &label,
            moments,
            clocks: &clocks,
            journal: Some(&journal),
        };
        let exit = match (ending, watching.end()) {
            (Ending::Walked(Walked { outcome: Outcome::Completed, errors }), _) => {
                ended.errors.extend(errors);
                self.judge(judged, ended).await
            }
            (Ending::Walked(Walked { outcome: Outcome::Cancelled, errors }), Some(stopped))
                if !self.stop.token.is_cancelled() =>
            {
                // What a condition saw of faults that did not stay on says nothing of the client.
                let lost = !errors.is_empty();
                ended.errors.extend(errors);
                if lost {
                    self.end_early(judged, self.early(Outcome::FaultLost, ended), ended).await
                } else {
                    self.stopped(judged, &stopped, ended).await
                }
            }
            (Ending::Walked(Walked { outcome, errors }), _) => {
                ended.errors.extend(errors);
                self.end_early(judged, self.early(outcome, ended), ended).await
            }
            (Ending::Broken { error, residue: None }, _) => {
                let (exit, what) = (error.exit(), "broke off, no toxic is left".to_owned());
                ended.errors.push(*error);
                let early = Early { status: RunStatus::Inconclusive, exit, what };
                self.end_early(judged, early, ended).await
            }
            (Ending::Broken { error, residue: Some(residue) }, _) => {
                ended.errors.extend([*error, *residue]);
                self.end_early(judged, self.early(Outcome::Residue, ended), ended).await
            }
        };
        self.keep_unjudged(&judged, ended);
        let hygiene = match exit {
            Exit::Residue => "residue",
            _ if ended.errors.iter().skip(known).any(RunError::is_overdue) => "overdue",
            _ => "clean",
        };
        let written = journal.note("hygiene", &hygiene).and_then(|()| journal.end(exit));
        if let Err(error) = written {
            self.narrator.say(format!("warning: {label}: the end of the run is not on record: {error}"));
        }
        exit
    }

    /// What is told of a walk that ended like this.
    fn early(&self, outcome: Outcome, ended: &Ended) -> Early {
        let last = ended.errors.last().map(UserError::exit);
        let worthless = match ended.errors.last() {
            Some(error) if error.is_overdue() => "the faults outlived their lease, no toxic is left",
            _ => "the injector was lost or disturbed, no toxic is left",
        };
        let (status, exit, what) = match outcome {
            Outcome::Completed => (RunStatus::Success, Exit::Ok, "all phases walked, no toxic is left"),
            Outcome::FaultLost => (RunStatus::Inconclusive, Exit::Inconclusive, worthless),
            Outcome::Cancelled => {
                (RunStatus::Aborted, self.stop.exit().unwrap_or(Exit::Interrupted), "no toxic is left")
            }
            Outcome::Refused | Outcome::Undone if last == Some(Exit::Inconclusive) => {
                (RunStatus::Inconclusive, Exit::Inconclusive, worthless)
            }
            Outcome::Refused => (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "nothing was injected"),
            Outcome::Undone => (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "undone, no toxic is left"),
            Outcome::Residue => (RunStatus::Failed, Exit::Residue, "a fault may still be on"),
        };
        Early { status, exit, what: what.to_owned() }
    }

    pub(crate) fn finish(
        &self,
        label: &str,
        scenario: &str,
        status: RunStatus,
        what: &str,
        exit: Exit,
        ended: &mut Ended,
    ) -> Exit {
        self.scenario.run_finished(status, SystemTime::now());
        ended.tally.count(scenario, status);
        ended.last = Some((status, what.to_owned()));
        self.narrator.say(format!("{label}: {status}: {what}"));
        self.narrator.idle();
        exit
    }
}

fn run_id() -> RunId {
    let millis = epoch::now().as_millis();
    RunId::new(u64::try_from(millis).unwrap_or_default(), fastrand::Rng::new().u16(..))
}
