//! The rig of a real run: it passes the actions of the walk to the injector, and its phases to metrics and terminal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics_core::families::scenario::ScenarioFamilies;
use metrics_core::labels::Phase;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_seconds;
use crate::injector::{Disturbance, Injector, PreflightNote, Refusal};
use crate::run::driver::Rig;
use crate::run::error::RunError;
use crate::scenario::phase_times::PhaseTimes;
use crate::terminal::narrator::Voice;
use crate::text::format_duration;

/// Lower bound of the removal budget, even for short leases.
const MIN_BUDGET: Duration = Duration::from_secs(5);
/// Upper bound of the removal budget: how long a user waits for a Toxiproxy that does not answer.
const MAX_BUDGET: Duration = Duration::from_secs(30);

/// How long a run tries to create lost proxies again.
const REPAIR: Duration = Duration::from_secs(5);

/// The rig of one run.
#[derive(Debug)]
pub(crate) struct ToxiproxyRig {
    pub(crate) injector: Arc<Injector>,
    pub(crate) families: Arc<ScenarioFamilies>,
    pub(crate) voice: Voice,
    pub(crate) moments: watch::Sender<PhaseTimes>,
    /// Whether injecting has begun.
    pub(crate) injected: bool,
}

impl ToxiproxyRig {
    fn scenario(&self) -> String {
        self.injector.plan().scenario.clone()
    }

    fn disturbed(&self, cause: Disturbance) -> RunError {
        let scenario = self.scenario();
        if cause.is_loss() || self.injected {
            RunError::Disturbed { scenario, cause }
        } else {
            RunError::Inject { scenario, cause: cause.into() }
        }
    }

    /// Records a note. A full disk is reported later, when the run is about to inject.
    fn record(&self, note: &PreflightNote) {
        if let Err(error) = self.injector.journal().record_note("preflight", &note.to_string()) {
            tracing::warn!(%error, "the journal is incomplete");
        }
    }
}

/// How long a run tries to remove its faults.
pub(crate) fn removal_budget(injector: &Injector) -> Duration {
    injector.plan().margin.clamp(MIN_BUDGET, MAX_BUDGET)
}

impl Rig for ToxiproxyRig {
    type Error = RunError;

    async fn preflight(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let result = self.injector.preflight(unix_seconds(), stop).await;
        if let Err(Refusal::Leftovers(residue)) = &result {
            self.injector.families().set_residual(residue.toxics.len());
        }
        for note in result.map_err(|cause| RunError::Refused { scenario: self.scenario(), cause })? {
            self.record(&note);
            self.voice.say(note.to_string());
        }
        Ok(())
    }

    async fn watch(&mut self, stop: &CancellationToken) -> Result<(), RunError> {
        let watched = self.injector.watch(stop).await;
        watched.map_err(|cause| self.disturbed(cause))
    }

    fn check_dropped_watch(&mut self) -> Result<(), RunError> {
        self.injector.check_dropped_watch().map_err(|cause| self.disturbed(cause))
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
        let healed = self.injector.heal(removal_budget(&self.injector)).await;
        let disturbance = healed.map_err(|cause| RunError::Residue { scenario: self.scenario(), cause })?;
        self.voice.narrator.faults_on(0);
        Ok(disturbance.map(|cause| RunError::Disturbed { scenario: self.scenario(), cause }))
    }

    fn phase_entered(&mut self, phase: Phase, at: SystemTime) {
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
