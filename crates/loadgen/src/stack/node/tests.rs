//! Compares a breaker behind its gate, with several threads, with a breaker that is called for every request.

use std::time::{Duration, Instant};

use metrics_core::labels::BreakerState;
use proptest::prelude::*;

use super::{Admission, Node};
use crate::stack::breaker::{self, Breaker, BreakerRules, Permit};

/// Few failures open the breaker, because a case has few steps.
fn rules() -> BreakerRules {
    BreakerRules { consecutive_failures: 6, failure_ratio: 0.6, ..breaker::tests::rules() }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Admit {
        thread: usize,
    },
    /// The n-th request in progress.
    End {
        which: usize,
        success: bool,
    },
    Wait {
        ms: u64,
    },
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3usize).prop_map(|thread| Step::Admit { thread }),
        6 => (any::<usize>(), proptest::bool::weighted(0.6)).prop_map(|(which, success)| Step::End { which, success }),
        2 => (0..7_000u64).prop_map(|ms| Step::Wait { ms }),
        1 => Just(Step::Look),
    ];
    proptest::collection::vec(step, 1..400)
}

proptest! {
    /// Requests one after the other are admitted and counted the same way with and without the gate.
    #[test]
    fn the_gate_changes_no_decision(steps in steps()) {
        let start = Instant::now();
        let node = Node::new("n1".to_owned(), String::new(), rules(), 3, start);
        let mut alone = Breaker::new(rules(), start);
        let mut at = start;
        let mut under_way: Vec<(Admission<'_>, Permit)> = Vec::new();
        for step in steps {
            match step {
                Step::Admit { thread } => {
                    let (ours, theirs) = (node.admit(thread, at), alone.admit(at).value);
                    prop_assert_eq!(ours.is_some(), theirs.is_some());
                    under_way.extend(ours.zip(theirs));
                }
                Step::End { which, success } if !under_way.is_empty() => {
                    let (admission, permit) = under_way.swap_remove(which % under_way.len());
                    admission.record(success, at);
                    alone.record(permit, success, at);
                }
                Step::End { .. } => {}
                Step::Wait { ms } => at += Duration::from_millis(ms),
                Step::Look => {
                    let (view, (state, counts)) = (node.view(at), alone.inspect(at).value);
                    prop_assert_eq!(view.state, state);
                    prop_assert_eq!(
                        (view.requests, view.failures, view.consecutive_failures),
                        (counts.requests, counts.failures, counts.consecutive_failures)
                    );
                }
            }
        }
        under_way.into_iter().for_each(|(admission, _)| admission.record(true, at));
    }
}

/// With many threads at once, the window counts every request, and failures still open the breaker.
#[test]
fn threads_at_once_lose_no_request() {
    let at = Instant::now();
    let node = Node::new("n1".to_owned(), String::new(), rules(), 4, at);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let node = &node;
            scope.spawn(move || {
                for number in 0..10_000u32 {
                    let admission = node.admit(thread, at).unwrap();
                    admission.record(number % 100 != 0, at);
                }
            });
        }
    });
    let view = node.view(at);
    assert_eq!((view.state, view.requests, view.failures), (BreakerState::Closed, 40_000, 400));
    for _ in 0..6 {
        node.admit(2, at).unwrap().record(false, at);
    }
    assert_eq!(node.view(at).state, BreakerState::Open);
    assert!(node.admit(0, at).is_none() && node.admit(3, at).is_none());
}
