//! The families of scenario runs: the current phase, start and end times of phases, and finished runs. The scenario daemon
//! decides when a phase changes. A scrape always shows one consistent state.

use std::collections::VecDeque;
use std::fmt::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::family::Family;
use crate::labels::{Phase, RunStatus};
use crate::locked::Locked;

const PHASE: Family = Family::gauge(
    "scenario_phase",
    &["scenario"],
    "Phase of the scenario: 0 idle, 1 stabilization, 2 testing, 3 recovery",
);
pub(super) const ACTIVE: Family = Family::gauge("scenario_active", &[], "1 while a scenario runs, else 0");
const PLANNED: Family = Family::gauge(
    "scenario_phase_duration_seconds",
    &["scenario", "phase"],
    "Planned length of a phase, in seconds",
);
const START: Family = Family::gauge(
    "scenario_phase_start_timestamp_seconds",
    &["scenario", "phase", "run"],
    "Start time of a phase, in seconds since the epoch, for the last 20 runs",
);
const END: Family = Family::gauge(
    "scenario_phase_end_timestamp_seconds",
    &["scenario", "phase", "run"],
    "End time of a phase, in seconds since the epoch, for the last 20 runs",
);
const TRANSITIONS: Family = Family::counter(
    "scenario_phase_transitions_total",
    &["scenario", "phase"],
    "Times that a phase was entered",
);
const RUNS: Family =
    Family::counter("scenario_runs_total", &["scenario", "status"], "Finished runs by status");

pub(super) const FAMILIES: &[&Family] = &[&PHASE, &ACTIVE, &PLANNED, &START, &END, &TRANSITIONS, &RUNS];

/// Runs whose timestamps are exported. Prometheus has the timestamps of older runs.
const KEPT_RUNS: usize = 20;
/// The phases that have a length and timestamps.
const WALKED: [Phase; 3] = [Phase::Stabilization, Phase::Testing, Phase::Recovery];

/// A scenario that the running command may run, with the planned length of its phases.
#[derive(Clone, Debug)]
pub struct PlannedScenario {
    /// Its name: the `scenario` label.
    pub name: String,
    /// Planned length of the stabilization phase.
    pub stabilization: Duration,
    /// Planned length of the testing phase.
    pub testing: Duration,
    /// Planned length of the recovery phase.
    pub recovery: Duration,
}

/// The scenario families. Every change takes one lock, so no scrape sees two phases at once.
#[derive(Debug)]
pub struct ScenarioFamilies(Locked<State>);

#[derive(Clone, Debug)]
struct State {
    scenarios: Vec<ScenarioCounts>,
    current: Option<CurrentRun>,
    runs: VecDeque<RunTimestamps>,
}

#[derive(Clone, Debug)]
struct ScenarioCounts {
    planned: PlannedScenario,
    entered: [u64; Phase::COUNT],
    ended: [u64; RunStatus::COUNT],
}

#[derive(Clone, Debug)]
struct CurrentRun {
    scenario: String,
    phase: Phase,
    /// The last phase has ended.
    walked: bool,
}

#[derive(Clone, Debug)]
struct RunTimestamps {
    scenario: String,
    run: String,
    start: [Option<f64>; Phase::COUNT],
    end: [Option<f64>; Phase::COUNT],
}

impl ScenarioFamilies {
    /// Registers the families for the scenarios of this command, every series at 0.
    pub fn register(registry: &mut Registry, scenarios: &[PlannedScenario]) -> Arc<ScenarioFamilies> {
        let counted = |planned: &PlannedScenario| ScenarioCounts {
            planned: planned.clone(),
            entered: [0; Phase::COUNT],
            ended: [0; RunStatus::COUNT],
        };
        let families = Arc::new(ScenarioFamilies(Locked::new(State {
            scenarios: scenarios.iter().map(counted).collect(),
            current: None,
            runs: VecDeque::new(),
        })));
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// Sets the planned phase lengths of a scenario's next run. They may differ from run to run.
    pub fn plan(&self, planned: &PlannedScenario) {
        if let Some(counted) = self.0.lock().counts_of(&planned.name) {
            counted.planned = planned.clone();
        }
    }

    /// A run starts. Its first phase follows with [`enter`](Self::enter).
    pub fn run_started(&self, scenario: &str, run: &str) {
        let mut state = self.0.lock();
        state.current = Some(CurrentRun { scenario: scenario.to_owned(), phase: Phase::Idle, walked: false });
        state.runs.push_back(RunTimestamps {
            scenario: scenario.to_owned(),
            run: run.to_owned(),
            start: [None; Phase::COUNT],
            end: [None; Phase::COUNT],
        });
        while state.runs.len() > KEPT_RUNS {
            state.runs.pop_front();
        }
    }

    /// Ends the current phase of the run and starts the given one, in one step.
    pub fn enter(&self, phase: Phase, at: SystemTime) {
        self.0.lock().enter(phase, at);
    }

    /// All phases have ended and the phase is idle again. The run still needs a verdict before it is counted.
    pub fn run_walked(&self, at: SystemTime) {
        self.0.lock().leave(at);
    }

    /// The run ended: the phase is idle again, and the run is counted once.
    pub fn run_finished(&self, status: RunStatus, at: SystemTime) {
        let mut state = self.0.lock();
        state.leave(at);
        let Some(current) = state.current.take() else { return };
        if let Some(counted) = state.counts_of(&current.scenario) {
            counted.ended[status.index()] += 1;
        }
    }
}

impl State {
    fn counts_of(&mut self, scenario: &str) -> Option<&mut ScenarioCounts> {
        self.scenarios.iter_mut().find(|counted| counted.planned.name == scenario)
    }

    /// Enters the idle phase. Later calls in the same run do nothing.
    fn leave(&mut self, at: SystemTime) {
        if self.current.as_mut().is_some_and(|current| !std::mem::replace(&mut current.walked, true)) {
            self.enter(Phase::Idle, at);
        }
    }

    fn enter(&mut self, phase: Phase, at: SystemTime) {
        let Some(current) = &mut self.current else { return };
        let before = std::mem::replace(&mut current.phase, phase);
        let scenario = current.scenario.clone();
        let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        if let Some(stamps) = self.runs.back_mut() {
            if before != Phase::Idle {
                stamps.end[before.index()] = Some(at);
            }
            if phase != Phase::Idle {
                stamps.start[phase.index()] = Some(at);
            }
        }
        if let Some(counted) = self.counts_of(&scenario) {
            counted.entered[phase.index()] += 1;
        }
    }

    fn phase_of(&self, scenario: &str) -> Phase {
        self.current
            .as_ref()
            .filter(|current| current.scenario == scenario)
            .map_or(Phase::Idle, |current| current.phase)
    }
}

impl Collector for ScenarioFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let state = self.0.lock().clone();
        let e = &mut encoder;
        PHASE.encode(e, |series| {
            state.scenarios.iter().try_for_each(|s| {
                series.number(&[&s.planned.name], state.phase_of(&s.planned.name).index() as f64)
            })
        })?;
        ACTIVE.encode_one(e, if state.current.is_some() { 1.0 } else { 0.0 })?;
        PLANNED.encode(e, |series| {
            state.scenarios.iter().try_for_each(|s| {
                let lengths = [s.planned.stabilization, s.planned.testing, s.planned.recovery];
                WALKED.iter().zip(lengths).try_for_each(|(phase, length)| {
                    series.number(&[&s.planned.name, phase.as_str()], length.as_secs_f64())
                })
            })
        })?;
        for (family, pick) in
            [(START, (|s| &s.start) as fn(&RunTimestamps) -> &[Option<f64>; Phase::COUNT]), (END, |s| &s.end)]
        {
            family.encode(e, |series| {
                for stamps in &state.runs {
                    for phase in WALKED {
                        if let Some(at) = pick(stamps)[phase.index()] {
                            series.number(&[&stamps.scenario, phase.as_str(), &stamps.run], at)?;
                        }
                    }
                }
                Ok(())
            })?;
        }
        TRANSITIONS.encode(e, |series| {
            state.scenarios.iter().try_for_each(|s| {
                Phase::ALL.iter().try_for_each(|phase| {
                    series.count(&[&s.planned.name, phase.as_str()], s.entered[phase.index()])
                })
            })
        })?;
        RUNS.encode(e, |series| {
            state.scenarios.iter().try_for_each(|s| {
                RunStatus::ALL.iter().try_for_each(|status| {
                    series.count(&[&s.planned.name, status.as_str()], s.ended[status.index()])
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_run_becomes_idle_once_and_is_counted_when_it_is_judged() {
        let mut registry = Registry::default();
        let second = Duration::from_secs(1);
        let planned =
            PlannedScenario { name: "x".into(), stabilization: second, testing: second, recovery: second };
        let families = ScenarioFamilies::register(&mut registry, &[planned]);
        let shows = |line: &str| {
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        };
        families.run_started("x", "r");
        families.enter(Phase::Recovery, SystemTime::now());
        families.run_walked(SystemTime::now());
        shows("scenario_phase{scenario=\"x\"} 0.0");
        shows("scenario_active{} 1.0");
        shows("scenario_runs_total{scenario=\"x\",status=\"success\"} 0");
        families.run_finished(RunStatus::Success, SystemTime::now());
        shows("scenario_active{} 0.0");
        shows("scenario_runs_total{scenario=\"x\",status=\"success\"} 1");
        shows("scenario_phase_transitions_total{scenario=\"x\",phase=\"idle\"} 1");
    }
}
