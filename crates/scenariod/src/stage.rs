//! What a walk acts on in earnest: the injector for the faults, the families for the phase, the narrator for people.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daemon_core::exit::{Exit, UserError};
use metrics_core::families::scenario::ScenarioFamilies;
use metrics_core::labels::Phase;
use tokio_util::sync::CancellationToken;

use crate::driver::Rig;
use crate::injector::{self, InjectError, Injector, Obstacle, Refusal, Residue};
use crate::machine::{Hold, InvalidTransition};
use crate::narrator::Narrator;
use crate::toxiproxy::NewProxy;

/// However short the leases, so long is removal tried.
const LEAST_BUDGET: Duration = Duration::from_secs(5);

/// One run's rig.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) injector: Arc<Injector>,
    pub(crate) servers: Arc<[NewProxy]>,
    pub(crate) families: Arc<ScenarioFamilies>,
    pub(crate) narrator: Narrator,
    /// How lines call this run.
    pub(crate) label: String,
}

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
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
            RunError::Refused { .. } | RunError::Inject { .. } => Exit::Setup,
            RunError::Adjust { .. } | RunError::Invalid { .. } | RunError::Internal { .. } => {
                Exit::Inconclusive
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            RunError::Refused { cause: Refusal::Call(_), .. } => {
                Some("is the lab up? `--toxiproxy` names another Toxiproxy".to_owned())
            }
            RunError::Refused { cause: Refusal::Obstacles(obstacles), .. } => match obstacles.first()? {
                Obstacle::Foreign { .. } => {
                    Some("remove the toxic where it came from; it would spoil the run".to_owned())
                }
                Obstacle::Disabled { .. } => {
                    Some("enable the proxy; a fault on a disabled one proves nothing".to_owned())
                }
                Obstacle::OtherRun { .. } => Some("wait for the other run, or stop it".to_owned()),
            },
            RunError::Refused { cause: Refusal::Leftovers(residue), .. }
            | RunError::Residue { cause: residue, .. } => {
                Some(format!("remove it by hand, then look:\n  {}", residue.commands().join("\n  ")))
            }
            RunError::Inject { cause: InjectError::Unsupported { .. }, .. } => {
                Some("a newer Toxiproxy may have it".to_owned())
            }
            RunError::Refused { .. }
            | RunError::Inject { .. }
            | RunError::Adjust { .. }
            | RunError::Invalid { .. }
            | RunError::Internal { .. } => None,
        }
    }
}

impl Stage {
    fn scenario(&self) -> String {
        self.injector.plan().scenario.clone()
    }
}

/// How long the removal of a run's faults is tried.
pub(crate) fn budget(injector: &Injector) -> Duration {
    injector.plan().margin.max(LEAST_BUDGET)
}

impl Rig for Stage {
    type Error = RunError;

    async fn clear(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let (client, targets) = (self.injector.client(), self.injector.plan().targets());
        let cleared = injector::clear(client, &self.servers, &targets, unix_seconds(), stop).await;
        if let Err(Refusal::Leftovers(residue)) = &cleared {
            self.injector.families().set_residual(residue.toxics.len());
        }
        for note in cleared.map_err(|cause| RunError::Refused { scenario: self.scenario(), cause })? {
            self.narrator.say(format!("{}: {note}", self.label));
        }
        Ok(())
    }

    async fn inject(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
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
        self.narrator.faults_on(self.injector.plan().faults_on(Duration::ZERO));
        Ok(())
    }

    fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        self.injector.plan().next_change(elapsed)
    }

    async fn adjust(&mut self, elapsed: Duration, stop: &CancellationToken) -> Result<(), RunError> {
        let adjusted = self.injector.adjust(elapsed, stop).await;
        adjusted.map_err(|cause| RunError::Adjust { scenario: self.scenario(), cause })?;
        self.narrator.faults_on(self.injector.plan().faults_on(elapsed));
        Ok(())
    }

    async fn heal(&mut self) -> Result<Hold, RunError> {
        let healed = self.injector.heal(budget(&self.injector)).await;
        let hold = healed.map_err(|cause| RunError::Residue { scenario: self.scenario(), cause })?;
        self.narrator.faults_on(0);
        Ok(hold)
    }

    fn entered(&mut self, phase: Phase, at: SystemTime) {
        self.families.enter(phase, at);
        let plan = self.injector.plan();
        let (length, what) = match phase {
            Phase::Idle => return,
            Phase::Stabilization => (plan.phases.stabilization, String::new()),
            Phase::Testing => (plan.phases.testing, format!(": {}", plan.describe())),
            Phase::Recovery => (plan.phases.recovery, String::new()),
        };
        self.narrator.say(format!("{}: {phase} for {}{what}", self.label, readable(length)));
        self.narrator.phase(phase.as_str(), length);
    }
}

/// A duration to the millisecond.
pub(crate) fn readable(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
