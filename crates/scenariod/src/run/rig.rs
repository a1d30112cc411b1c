//! What a walk acts on in earnest: the injector for the faults, the families for the phase, the narrator for people.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daemon_core::exit::{Exit, UserError};
use metrics_core::families::scenario::ScenarioFamilies;
use metrics_core::labels::Phase;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_seconds;
use crate::injector::{InjectError, Injector, Note, Obstacle, Refusal, Residue, Spoiled};
use crate::run::driver::Rig;
use crate::run::machine::InvalidTransition;
use crate::scenario::phase_times::PhaseTimes;
use crate::state::StateError;
use crate::terminal::narrator::Voice;
use crate::text::format_duration;

/// However short the leases, so long is removal tried.
const LEAST_BUDGET: Duration = Duration::from_secs(5);
/// However long they are, nobody sits longer in front of a Toxiproxy that does not answer.
const MOST_BUDGET: Duration = Duration::from_secs(30);

/// How long it is tried to put back what went with a Toxiproxy.
const REPAIR: Duration = Duration::from_secs(5);

/// What helps where no Toxiproxy answers.
pub(crate) const OTHER: &str =
    "is the lab up? `just status` tells, `just up` starts it; `--toxiproxy` names another Toxiproxy";

/// One run's rig.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) injector: Arc<Injector>,
    pub(crate) families: Arc<ScenarioFamilies>,
    pub(crate) voice: Voice,
    pub(crate) moments: watch::Sender<PhaseTimes>,
    /// Whether it has come to putting faults on.
    pub(crate) injected: bool,
}

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("{scenario} was not started: {cause}")]
    State { scenario: String, cause: StateError },
    #[error("{scenario} proves nothing: {cause}")]
    Spoiled { scenario: String, cause: Spoiled },
    #[error("{scenario} was not started: {cause}")]
    Refused { scenario: String, cause: Refusal },
    #[error("{scenario} was not injected: {cause}")]
    Inject { scenario: String, cause: InjectError },
    #[error("{scenario} did not go as planned: {cause}")]
    Adjust { scenario: String, cause: InjectError },
    #[error("{scenario}: {cause}")]
    Residue { scenario: String, cause: Residue },
    #[error("{scenario} broke off: {cause}")]
    Invalid { scenario: String, cause: InvalidTransition },
    #[error("{scenario} broke off: internal error: {cause}")]
    Internal { scenario: String, cause: String },
}

impl UserError for RunError {
    fn exit(&self) -> Exit {
        match self {
            RunError::Refused { cause: Refusal::Leftovers(_), .. } | RunError::Residue { .. } => {
                Exit::Residue
            }
            RunError::Inject { cause: InjectError::Spoiled(spoiled), .. } if spoiled.is_passing() => {
                Exit::Inconclusive
            }
            RunError::State { .. } | RunError::Refused { .. } | RunError::Inject { .. } => Exit::Setup,
            RunError::Spoiled { .. }
            | RunError::Adjust { .. }
            | RunError::Invalid { .. }
            | RunError::Internal { .. } => Exit::Inconclusive,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            RunError::Refused { cause: Refusal::Call(_), .. } => {
                Some(OTHER.to_owned())
            }
            RunError::Refused { cause: Refusal::Obstacles(obstacles), .. } => match obstacles.first()? {
                Obstacle::Foreign { .. } => {
                    Some("remove the toxic where it came from; it would spoil the run".to_owned())
                }
                Obstacle::Disabled { .. } => {
                    Some("enable the proxy; every node of the lab is part of what a run measures".to_owned())
                }
                Obstacle::OtherRun { .. } | Obstacle::Claimed { .. } => {
                    Some("wait for the other run, or stop it".to_owned())
                }
                Obstacle::Elsewhere { .. } => {
                    Some("is it the lab's Toxiproxy and the right lab file? `--toxiproxy` and `--config` name others".to_owned())
                }
            },
            RunError::Refused { cause: Refusal::Leftovers(residue), .. }
            | RunError::Residue { cause: residue, .. } => {
                Some(residue.hint())
            }
            RunError::Inject { cause: InjectError::Unsupported { .. }, .. } => {
                Some("a newer Toxiproxy may have it".to_owned())
            }
            RunError::State { cause, .. } => cause.hint(),
            RunError::Refused { cause: Refusal::State(cause), .. } => cause.hint(),
            RunError::Refused { .. }
            | RunError::Spoiled { .. }
            | RunError::Inject { .. }
            | RunError::Adjust { .. }
            | RunError::Invalid { .. }
            | RunError::Internal { .. } => None,
        }
    }
}

impl RunError {
    /// Whether the run kept its faults on for longer than it had promised.
    pub(crate) fn is_overdue(&self) -> bool {
        let (RunError::Spoiled { cause, .. }
        | RunError::Adjust { cause: InjectError::Spoiled(cause), .. }
        | RunError::Inject { cause: InjectError::Spoiled(cause), .. }) = self
        else {
            return false;
        };
        matches!(cause, Spoiled::LeaseOver { .. })
    }
}

impl Stage {
    fn scenario(&self) -> String {
        self.injector.plan().scenario.clone()
    }

    fn spoiled(&self, cause: Spoiled) -> RunError {
        let scenario = self.scenario();
        if cause.is_loss() || self.injected {
            RunError::Spoiled { scenario, cause }
        } else {
            RunError::Inject { scenario, cause: cause.into() }
        }
    }

    /// What belongs to the run's story; a disk that is full by then is told of when something is to be injected.
    fn write_down(&self, note: &Note) {
        if let Err(error) = self.injector.journal().note("preflight", &note.to_string()) {
            tracing::warn!(%error, "the journal is incomplete");
        }
    }
}

/// How long the removal of a run's faults is tried.
pub(crate) fn budget(injector: &Injector) -> Duration {
    injector.plan().margin.clamp(LEAST_BUDGET, MOST_BUDGET)
}

impl Rig for Stage {
    type Error = RunError;

    async fn clear(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let cleared = self.injector.clear(unix_seconds(), stop).await;
        if let Err(Refusal::Leftovers(residue)) = &cleared {
            self.injector.families().set_residual(residue.toxics.len());
        }
        for note in cleared.map_err(|cause| RunError::Refused { scenario: self.scenario(), cause })? {
            self.write_down(&note);
            self.voice.say(note.to_string());
        }
        Ok(())
    }

    async fn watch(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let watched = self.injector.watch(stop).await;
        watched.map_err(|spoiled| self.spoiled(spoiled))
    }

    fn waited(&mut self) -> Result<(), RunError> {
        self.injector.waited().map_err(|spoiled| self.spoiled(spoiled))
    }

    async fn repair(&mut self) {
        self.injector.restore_within(REPAIR).await;
    }

    async fn inject(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        self.injected = true;
        let plan = self.injector.plan();
        let lease = plan.phases.testing.saturating_add(plan.margin).as_secs_f64().ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts of floats saturate"
        )]
        let deadline = unix_seconds().saturating_add(lease as u64);
        let injected = self.injector.inject(deadline, stop).await;
        injected.map_err(|cause| RunError::Inject { scenario: self.scenario(), cause })?;
        self.voice.narrator.faults_on(self.injector.plan().faults_on(Duration::ZERO));
        Ok(())
    }

    fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        self.injector.plan().next_change(elapsed)
    }

    async fn adjust(&mut self, elapsed: Duration, stop: &CancellationToken) -> Result<(), RunError> {
        let adjusted = self.injector.adjust(elapsed, stop).await;
        adjusted.map_err(|cause| RunError::Adjust { scenario: self.scenario(), cause })?;
        self.voice.narrator.faults_on(self.injector.plan().faults_on(elapsed));
        Ok(())
    }

    async fn heal(&mut self) -> Result<Option<RunError>, RunError> {
        self.moments.send_modify(|moments| moments.heal(SystemTime::now()));
        let healed = self.injector.heal(budget(&self.injector)).await;
        let lost = healed.map_err(|cause| RunError::Residue { scenario: self.scenario(), cause })?;
        self.voice.narrator.faults_on(0);
        Ok(lost.map(|cause| RunError::Spoiled { scenario: self.scenario(), cause }))
    }

    fn entered(&mut self, phase: Phase, at: SystemTime) {
        self.families.enter(phase, at);
        self.moments.send_modify(|moments| moments.enter(phase, at));
        let plan = self.injector.plan();
        let (length, what) = match phase {
            Phase::Idle => return,
            Phase::Stabilization => (plan.phases.stabilization, String::new()),
            Phase::Testing => (plan.phases.testing, format!(": {}", plan.describe())),
            Phase::Recovery => (plan.phases.recovery, String::new()),
        };
        self.voice.say(format!("{phase} for {}{what}", format_duration(length)));
        self.voice.narrator.phase(phase.as_str(), length);
    }
}
