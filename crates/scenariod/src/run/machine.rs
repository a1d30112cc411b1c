//! The phase machine of one run: which state follows which event, and what is to be done about it.
//! Pure: `driver` has the clock and does what `step` says.

use std::time::Duration;

use metrics_core::labels::Phase;

use crate::scenario::Phases;

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Preparing Toxiproxy before anything is measured.
    Preflight,
    Stabilizing,
    Injecting,
    Testing,
    Healing(AfterHealing),
    Recovering(FaultPresence),
    /// Recovery was disturbed: anything of this run that is there again is removed.
    HealingAgain,
    Done(Outcome),
}

/// What follows once the faults are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterHealing {
    Recover,
    End(Outcome),
}

/// Whether the faults were as wanted until the run removed them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultPresence {
    Kept,
    /// For example somebody else removed them, or Toxiproxy restarted: the run is inconclusive.
    Lost,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All phases were walked. The faults are removed and read back.
    Completed,
    /// The faults did not stay as wanted. They are removed and read back.
    FaultLost,
    Cancelled,
    /// The preflight refused or failed. Nothing was injected.
    Refused,
    /// Injecting failed. Anything already injected is removed and read back.
    Undone,
    /// A fault may still be active.
    Residue,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    PreflightPassed,
    TimerElapsed,
    Injected,
    Healed(FaultPresence),
    /// The current action failed for good.
    Failed,
    Cancelled,
}

/// The next action. Each action ends with exactly one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Preflight,
    StartTimer(Duration),
    Inject,
    /// Remove what this run injected and read back that it is gone. May be repeated.
    Heal,
    Finish(Outcome),
}

/// An event that cannot happen in this state. This is a bug, never bad input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid event {via:?} in state {from:?}")]
pub(crate) struct InvalidTransition {
    from: State,
    via: Event,
}

impl State {
    /// The phase this state is shown as. Injecting and healing are part of testing.
    pub(crate) fn phase(self) -> Phase {
        match self {
            State::Preflight | State::Done(_) => Phase::Idle,
            State::Stabilizing => Phase::Stabilization,
            State::Injecting | State::Testing | State::Healing(_) => Phase::Testing,
            State::Recovering(_) | State::HealingAgain => Phase::Recovery,
        }
    }
}

/// The first state of every run and its action.
pub(crate) fn begin() -> (State, Action) {
    (State::Preflight, Action::Preflight)
}

/// The state and the action that follow an event.
pub(crate) fn step(
    state: State,
    event: Event,
    phases: &Phases,
) -> Result<(State, Action), InvalidTransition> {
    use Event::{Cancelled, Failed, Healed, Injected, PreflightPassed, TimerElapsed};
    use State::{Done, Healing, HealingAgain, Injecting, Preflight, Recovering, Stabilizing, Testing};
    Ok(match (state, event) {
        (Preflight, PreflightPassed) => (Stabilizing, Action::StartTimer(phases.stabilization)),
        (Preflight | Stabilizing, Failed) => finish(Outcome::Refused),
        (Stabilizing, TimerElapsed) => (Injecting, Action::Inject),
        (Injecting, Injected) => (Testing, Action::StartTimer(phases.testing)),
        // A failed injection may have added some of the toxics.
        (Injecting, Failed) => (Healing(AfterHealing::End(Outcome::Undone)), Action::Heal),
        // The faults are no longer as wanted: nothing measured from here on counts.
        (Testing, Failed) => (Healing(AfterHealing::End(Outcome::FaultLost)), Action::Heal),
        (Testing, TimerElapsed) => (Healing(AfterHealing::Recover), Action::Heal),
        // Healing accepts no `Cancelled`: nothing ends a removal early.
        (Injecting | Testing, Cancelled) => (Healing(AfterHealing::End(Outcome::Cancelled)), Action::Heal),
        (Healing(AfterHealing::Recover), Healed(presence)) => {
            (Recovering(presence), Action::StartTimer(phases.recovery))
        }
        (Healing(AfterHealing::End(outcome)), Healed(_)) => finish(outcome),
        (Healing(_) | HealingAgain, Failed) => finish(Outcome::Residue),
        (Recovering(FaultPresence::Kept), TimerElapsed) => finish(Outcome::Completed),
        (Recovering(FaultPresence::Lost), TimerElapsed) | (HealingAgain, Healed(_)) => {
            finish(Outcome::FaultLost)
        }
        // Recovery was disturbed: what was measured of it does not count.
        (Recovering(_), Failed) => (HealingAgain, Action::Heal),
        (Preflight | Stabilizing | Recovering(_), Cancelled) => finish(Outcome::Cancelled),
        (
            from @ (Preflight | Stabilizing | Injecting | Testing | Healing(_) | Recovering(_) | HealingAgain
            | Done(_)),
            via,
        ) => {
            return Err(InvalidTransition { from, via });
        }
    })
}

fn finish(outcome: Outcome) -> (State, Action) {
    (State::Done(outcome), Action::Finish(outcome))
}

#[cfg(test)]
mod tests;
