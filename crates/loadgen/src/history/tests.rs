//! Compares the history with the definitions of stale and late, over random writes and reads.

use proptest::prelude::*;

use super::{Freshness, History, Nanos, WriteId};

fn id(writer: u64, began: Nanos) -> WriteId {
    WriteId { writer, began }
}

fn acknowledged(history: &mut History, writer: u64, began: Nanos, ended: Nanos) -> WriteId {
    let id = id(writer, began);
    history.begin(id);
    history.acknowledge(id, ended);
    id
}

#[test]
fn a_replaced_value_is_stale_for_reads_that_began_after_the_replacement() {
    let mut history = History::default();
    let old = acknowledged(&mut history, 1, 10, 20);
    let new = acknowledged(&mut history, 2, 30, 40);
    assert_eq!(history.judge(old, 39, 50), Freshness::Right, "the read overlaps the replacing write");
    assert_eq!(history.judge(old, 40, 50), Freshness::Stale);
    assert_eq!(history.judge(new, 40, 50), Freshness::Right);
}

#[test]
fn of_two_overlapping_writes_neither_is_stale() {
    let mut history = History::default();
    let one = acknowledged(&mut history, 1, 10, 30);
    let other = acknowledged(&mut history, 2, 20, 40);
    assert_eq!(history.judge(one, 50, 60), Freshness::Right);
    assert_eq!(history.judge(other, 50, 60), Freshness::Right);
}

#[test]
fn a_write_given_up_is_late_once_and_then_counts_as_acknowledged() {
    let mut history = History::default();
    let held = id(1, 10);
    history.begin(held);
    history.give_up(held);
    acknowledged(&mut history, 2, 20, 30);
    assert_eq!(history.judge(held, 40, 50), Freshness::Late);
    assert_eq!(history.judge(held, 60, 70), Freshness::Right);
    acknowledged(&mut history, 2, 80, 90);
    assert_eq!(history.judge(held, 95, 99), Freshness::Stale);
}

#[test]
fn a_deletion_replaces_values_and_a_refused_write_does_not() {
    let mut history = History::default();
    let kept = acknowledged(&mut history, 1, 10, 20);
    history.begin(id(2, 30));
    history.forget(id(2, 30));
    assert_eq!(history.judge(kept, 50, 60), Freshness::Right);
    history.record_deletion(60, 70);
    assert_eq!(history.judge(kept, 75, 80), Freshness::Stale);
}

#[test]
fn an_unknown_value_is_right_until_it_must_have_been_replaced() {
    let mut history = History::default();
    let foreign = id(99, 1);
    assert_eq!(history.judge(foreign, 5, 6), Freshness::Right);
    for began in [10, 20, 30, 40, 50, 60, 70] {
        acknowledged(&mut history, 1, began, began + 5);
    }
    assert_eq!(history.judge(foreign, 80, 90), Freshness::Stale);
}

#[test]
fn the_initial_value_is_replaced_by_the_first_change() {
    let mut history = History::default();
    assert_eq!(history.judge_initial(5), Freshness::Right);
    let held = id(1, 10);
    history.begin(held);
    history.give_up(held);
    assert_eq!(history.judge_initial(50), Freshness::Right, "nothing was acknowledged");
    acknowledged(&mut history, 1, 60, 70);
    acknowledged(&mut history, 1, 80, 90);
    assert_eq!(history.judge_initial(69), Freshness::Right);
    assert_eq!(history.judge_initial(70), Freshness::Stale);
}

#[test]
fn an_acknowledgement_that_arrives_late_is_sorted_in() {
    let mut history = History::default();
    let slow = id(1, 10);
    history.begin(slow);
    acknowledged(&mut history, 2, 30, 40);
    history.acknowledge(slow, 20);
    assert_eq!(history.judge(slow, 50, 60), Freshness::Stale);
}

/// The next write of a writer: the pause before it, its length, and its outcome.
#[derive(Clone, Debug)]
struct Step {
    writer: usize,
    gap: Nanos,
    length: Nanos,
    fate: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4usize, 1..30u64, 1..30u64, 0..10u8);
    proptest::collection::vec(
        step.prop_map(|(writer, gap, length, fate)| Step { writer, gap, length, fate }),
        1..60,
    )
}

proptest! {
    /// For any writes, a value is stale exactly when its write was acknowledged before another acknowledged write began, and
    /// that one was acknowledged before the read began.
    #[test]
    fn stale_follows_its_definition(steps in steps()) {
        let mut clock = [0u64; 4];
        let mut events = Vec::new();
        for step in &steps {
            let began = clock[step.writer] + step.gap;
            let ended = began + step.length;
            clock[step.writer] = ended;
            let id = id(step.writer as u64, began);
            events.push((began, 0, id, ended, step.fate));
            events.push((ended, 1, id, ended, step.fate));
        }
        // At one instant, ends come first: a write that begins when another ends begins after it.
        events.sort_by_key(|(at, kind, ..)| (*at, 1 - *kind));
        let mut history = History::default();
        let mut done: Vec<(WriteId, Nanos)> = Vec::new();
        let mut given_up: Vec<WriteId> = Vec::new();
        for (at, kind, id, ended, fate) in events {
            match (kind, fate) {
                (0, _) => history.begin(id),
                (_, 0) => {
                    history.give_up(id);
                    given_up.push(id);
                }
                (_, 1) => history.forget(id),
                _ => {
                    history.acknowledge(id, ended);
                    done.push((id, ended));
                }
            }
            for (id, ended) in &done {
                let stale = done.iter().any(|(other, end)| other.began >= *ended && *end <= at);
                let expected = if stale { Freshness::Stale } else { Freshness::Right };
                prop_assert_eq!(history.judge(*id, at, at), expected, "{:?} at {}", id, at);
            }
        }
        for id in given_up {
            prop_assert_eq!(history.judge(id, 10_000, 10_001), Freshness::Late);
            prop_assert_eq!(history.judge(id, 10_002, 10_003), Freshness::Right);
        }
    }
}
