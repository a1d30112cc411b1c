//! Properties of the phase machine over random event sequences, possible and impossible ones.

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;

const PHASES: Phases = Phases {
    stabilization: Duration::from_secs(3),
    testing: Duration::from_secs(5),
    recovery: Duration::from_secs(7),
};

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::TimerElapsed),
        3 => Just(Event::PreflightPassed),
        3 => Just(Event::Injected),
        3 => any::<bool>().prop_map(|kept| Event::Healed(if kept { FaultPresence::Kept } else { FaultPresence::Lost })),
        1 => Just(Event::Failed),
        1 => Just(Event::Cancelled),
    ]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec(event(), 0..60)
}

/// Every state and action of a walk. Events that the state does not accept are skipped: the driver never sends them.
fn walk(events: &[Event]) -> Vec<(State, Action)> {
    let mut trace = vec![begin()];
    for &event in events {
        let Some(&(state, _)) = trace.last() else { unreachable!("a walk begins with one entry") };
        if let Ok(next) = step(state, event, &PHASES) {
            trace.push(next);
        }
    }
    trace
}

proptest! {
    /// Every path from `Inject` to `Done` contains `Heal`.
    #[test]
    fn every_path_from_inject_to_done_contains_heal(events in events()) {
        let trace = walk(&events);
        let injected = trace.iter().position(|(_, action)| *action == Action::Inject);
        let done = trace.iter().position(|(state, _)| matches!(state, State::Done(_)));
        if let (Some(injected), Some(done)) = (injected, done) {
            prop_assert!(trace[injected..done].iter().any(|(_, action)| *action == Action::Heal), "{trace:?}");
        }
    }

    /// A run finishes at most once, and `Finish` and `Done` name the same outcome at the same step.
    #[test]
    fn a_run_finishes_at_most_once(events in events()) {
        let trace = walk(&events);
        let mut finished = 0;
        for (state, action) in &trace {
            match (state, action) {
                (State::Done(done), Action::Finish(outcome)) => {
                    prop_assert_eq!(done, outcome);
                    finished += 1;
                }
                (State::Done(_), _) | (_, Action::Finish(_)) => prop_assert!(false, "{:?}", trace),
                _ => {}
            }
        }
        prop_assert!(finished <= 1, "{trace:?}");
    }

    /// `Cancelled` leads to the end in at most two actions, unless the current action is `Heal` or `Finish`. Those accept
    /// no `Cancelled`.
    #[test]
    fn cancelled_ends_in_at_most_two_actions(events in events()) {
        let trace = walk(&events);
        let (state, action) = trace[trace.len() - 1];
        if matches!(action, Action::Heal | Action::Finish(_)) {
            prop_assert!(step(state, Event::Cancelled, &PHASES).is_err());
            return Ok(());
        }
        let (state, action) = step(state, Event::Cancelled, &PHASES).unwrap();
        if action != Action::Heal {
            prop_assert_eq!(action, Action::Finish(Outcome::Cancelled));
            return Ok(());
        }
        for (answer, end) in
            [(Event::Healed(FaultPresence::Kept), Outcome::Cancelled), (Event::Failed, Outcome::Residue)]
        {
            prop_assert_eq!(step(state, answer, &PHASES).unwrap().1, Action::Finish(end));
        }
    }

    /// Phases never go back, except to idle at the end.
    #[test]
    fn phases_only_go_forward(events in events()) {
        let trace = walk(&events);
        for pair in trace.windows(2) {
            let (before, after) = (pair[0].0.phase(), pair[1].0.phase());
            prop_assert!(after.index() >= before.index() || matches!(pair[1].0, State::Done(_)), "{trace:?}");
        }
    }

    /// A run is `Completed` only after exactly the planned actions, and never after a failed one.
    #[test]
    fn only_a_walk_of_all_phases_completes(events in events()) {
        let trace = walk(&events);
        if let Some((State::Done(Outcome::Completed), _)) = trace.last() {
            let actions: Vec<Action> = trace.iter().map(|(_, action)| *action).collect();
            prop_assert_eq!(actions, [
                Action::Preflight,
                Action::StartTimer(PHASES.stabilization),
                Action::Inject,
                Action::StartTimer(PHASES.testing),
                Action::Heal,
                Action::StartTimer(PHASES.recovery),
                Action::Finish(Outcome::Completed),
            ]);
        }
    }
}

#[test]
fn a_walk_without_failures_goes_through_all_phases() {
    let trace = walk(&[
        Event::PreflightPassed,
        Event::TimerElapsed,
        Event::Injected,
        Event::TimerElapsed,
        Event::Healed(FaultPresence::Kept),
        Event::TimerElapsed,
    ]);
    let phases: Vec<u8> = trace.iter().map(|(state, _)| state.phase().index() as u8).collect();
    assert_eq!(phases, [0, 1, 2, 2, 2, 3, 0]);
    assert_eq!(trace[6].0, State::Done(Outcome::Completed));
}

#[test]
fn a_lost_fault_makes_the_run_inconclusive() {
    let trace = walk(&[
        Event::PreflightPassed,
        Event::TimerElapsed,
        Event::Injected,
        Event::TimerElapsed,
        Event::Healed(FaultPresence::Lost),
        Event::TimerElapsed,
    ]);
    assert_eq!(trace[6].0, State::Done(Outcome::FaultLost));
}

#[test]
fn a_failed_injection_is_undone_before_the_end() {
    let trace = walk(&[
        Event::PreflightPassed,
        Event::TimerElapsed,
        Event::Failed,
        Event::Healed(FaultPresence::Kept),
    ]);
    assert_eq!(trace[3], (State::Healing(AfterHealing::End(Outcome::Undone)), Action::Heal));
    assert_eq!(trace[4].0, State::Done(Outcome::Undone));
}
