//! The phase machine of one run: which state follows which event, and what is to be done about it.
//! No clock, no network, no output: `driver` deals with all three and does what `step` says.

use std::time::Duration;

use metrics_core::labels::Phase;

use crate::scenario::Phases;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Looking at what Toxiproxy holds before anything is measured.
    Clearing,
    Stabilizing,
    Injecting,
    Testing,
    Healing(Next),
    Recovering(Hold),
    /// Recovery was not as it was left: whatever of this run is there all the same goes.
    Mending,
    Done(Outcome),
}

/// What follows once the faults are off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Recover,
    End(Outcome),
}

/// Whether the faults were still there when they were to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Held,
    /// Somebody else removed them, or Toxiproxy restarted: the testing phase proves nothing.
    Lost,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All phases walked, faults verified gone.
    Completed,
    /// The faults did not stay on as wanted; they are verified gone.
    FaultLost,
    Cancelled,
    /// Set-up refused or failed; nothing was injected.
    Refused,
    /// Injecting failed; what had been injected is verified gone.
    Undone,
    /// A fault may still be on.
    Residue,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Cleared,
    TimerElapsed,
    Injected,
    Healed(Hold),
    /// The action at hand failed for good.
    Failed,
    Cancelled,
}

/// What is to be done next. Each action ends in exactly one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Clear,
    StartTimer(Duration),
    Inject,
    /// Remove what this run injected and see that it is gone; safe to repeat.
    Heal,
    Finish(Outcome),
}

/// An event that cannot happen in this state: a bug, never bad input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run cannot take {via:?} while {from:?}")]
pub(crate) struct InvalidTransition {
    from: State,
    via: Event,
}

impl State {
    /// The phase this state is shown as. Injecting and healing are part of testing.
    pub(crate) fn phase(self) -> Phase {
        match self {
            State::Clearing | State::Done(_) => Phase::Idle,
            State::Stabilizing => Phase::Stabilization,
            State::Injecting | State::Testing | State::Healing(_) => Phase::Testing,
            State::Recovering(_) | State::Mending => Phase::Recovery,
        }
    }
}

/// The first state of every run and its action.
pub(crate) fn begin() -> (State, Action) {
    (State::Clearing, Action::Clear)
}

/// The one transition function.
pub(crate) fn step(
    state: State,
    event: Event,
    phases: &Phases,
) -> Result<(State, Action), InvalidTransition> {
    use Event::{Cancelled, Cleared, Failed, Healed, Injected, TimerElapsed};
    use State::{Clearing, Done, Healing, Injecting, Mending, Recovering, Stabilizing, Testing};
    Ok(match (state, event) {
        (Clearing, Cleared) => (Stabilizing, Action::StartTimer(phases.stabilization)),
        (Clearing | Stabilizing, Failed) => finish(Outcome::Refused),
        (Stabilizing, TimerElapsed) => (Injecting, Action::Inject),
        (Injecting, Injected) => (Testing, Action::StartTimer(phases.testing)),
        // A failed injection may have applied in part.
        (Injecting, Failed) => (Healing(Next::End(Outcome::Undone)), Action::Heal),
        // Not as wanted any more: nothing that is measured from here on counts.
        (Testing, Failed) => (Healing(Next::End(Outcome::FaultLost)), Action::Heal),
        (Testing, TimerElapsed) => (Healing(Next::Recover), Action::Heal),
        // While healing nobody listens: removal is never cut short.
        (Injecting | Testing, Cancelled) => (Healing(Next::End(Outcome::Cancelled)), Action::Heal),
        (Healing(Next::Recover), Healed(hold)) => (Recovering(hold), Action::StartTimer(phases.recovery)),
        (Healing(Next::End(outcome)), Healed(_)) => finish(outcome),
        (Healing(_) | Mending, Failed) => finish(Outcome::Residue),
        (Recovering(Hold::Held), TimerElapsed) => finish(Outcome::Completed),
        // Not as it was left: what is measured of the recovery does not count.
        (Recovering(Hold::Lost), TimerElapsed) | (Mending, Healed(_)) => finish(Outcome::FaultLost),
        (Recovering(_), Failed) => (Mending, Action::Heal),
        (Clearing | Stabilizing | Recovering(_), Cancelled) => finish(Outcome::Cancelled),
        (
            from @ (Clearing | Stabilizing | Injecting | Testing | Healing(_) | Recovering(_) | Mending
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
