//! Compares the breaker with a naive model that stores every result and counts all of them each time.

use std::time::{Duration, Instant};

use metrics_core::labels::BreakerState::{Closed, HalfOpen, Open};
use proptest::prelude::*;

use super::{Breaker, BreakerRules, Permit, Transition};
use model::{Model, ModelPermit};

mod model;

const SECOND: Duration = Duration::from_secs(1);

/// The rules of the default client.
pub(crate) fn rules() -> BreakerRules {
    BreakerRules {
        half_open_requests: 3,
        interval: 30 * SECOND,
        bucket_period: 10 * SECOND,
        open_timeout: 5 * SECOND,
        consecutive_failures: 100,
        failure_ratio: 0.3,
        min_requests: 10,
    }
}

/// A breaker and a model that get the same calls.
struct Pair {
    breaker: Breaker,
    model: Model,
    start: Instant,
    now: Duration,
    open: Vec<(Permit, ModelPermit)>,
    changes: Vec<Transition>,
}

impl Pair {
    fn new(rules: BreakerRules) -> Self {
        let start = Instant::now();
        let model = Model::new(rules.clone());
        let breaker = Breaker::new(rules, start);
        Self { breaker, model, start, now: Duration::ZERO, open: Vec::new(), changes: Vec::new() }
    }

    fn at(&self) -> Instant {
        self.start + self.now
    }

    fn admit(&mut self) -> bool {
        let decision = self.breaker.admit(self.at());
        self.changes.extend(decision.transition);
        match (decision.value, self.model.admit(self.now)) {
            (Some(real), Some(model)) => {
                self.open.push((real, model));
                true
            }
            (None, None) => false,
            (real, model) => panic!("breaker admits: {}, model: {}", real.is_some(), model.is_some()),
        }
    }

    fn record(&mut self, index: usize, success: bool) {
        if self.open.is_empty() {
            return;
        }
        let (real, model) = self.open.remove(index % self.open.len());
        let at = self.at();
        self.changes.extend(self.breaker.record(real, success, at));
        self.model.record(&model, success, self.now);
    }

    fn forget(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let (real, model) = self.open.remove(0);
        let at = self.at();
        self.changes.extend(self.breaker.forget(real, at));
        self.model.forget(&model, self.now);
    }

    /// Results must be recorded in the order of admission, so that a run of failures is well defined.
    fn compare(&mut self) {
        let decision = self.breaker.inspect(self.at());
        self.changes.extend(decision.transition);
        self.model.advance(self.now);
        let (state, counts) = decision.value;
        assert_eq!(state, self.model.state);
        let (requests, failures, run) = self.model.counts(self.now);
        assert_eq!((counts.requests, counts.failures), (requests, failures));
        assert_eq!(counts.consecutive_failures, run);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Admit,
    Record { success: bool },
    RecordAny { index: usize, success: bool },
    Forget { index: usize },
}

fn steps(in_order: bool) -> impl Strategy<Value = Vec<Step>> {
    let finish = if in_order {
        any::<bool>().prop_map(|success| Step::Record { success }).boxed()
    } else {
        (any::<usize>(), any::<bool>())
            .prop_map(|(index, success)| Step::RecordAny { index, success })
            .boxed()
    };
    let step = prop_oneof![1 => (0..12_000u64).prop_map(Step::Wait), 6 => Just(Step::Admit), 5 => finish,
        1 => any::<usize>().prop_map(|index| Step::Forget { index })];
    proptest::collection::vec(step, 0..400)
}

fn any_rules() -> impl Strategy<Value = BreakerRules> {
    (1..5u64, 1..30u64, 1..12u64, 1..8u64, 2..20u64, 0.1..=1.0f64, 1..12u64).prop_map(
        |(half_open_requests, interval, bucket, open, consecutive_failures, failure_ratio, min_requests)| {
            BreakerRules {
                half_open_requests,
                interval: interval as u32 * SECOND,
                bucket_period: bucket as u32 * SECOND,
                open_timeout: open as u32 * SECOND,
                consecutive_failures,
                failure_ratio,
                min_requests,
            }
        },
    )
}

fn legal(change: &Transition) -> bool {
    matches!((change.from, change.to), (Closed, Open) | (Open, HalfOpen) | (HalfOpen, Open | Closed))
}

proptest! {
    /// With results in the order of their requests, state and counts equal those of the model.
    #[test]
    fn equals_the_naive_model(rules in any_rules(), steps in steps(true)) {
        let mut pair = Pair::new(rules);
        for step in steps {
            match step {
                Step::Wait(ms) => pair.now += Duration::from_millis(ms),
                Step::Admit => { pair.admit(); }
                Step::Record { success } => pair.record(0, success),
                Step::Forget { .. } => pair.forget(),
                Step::RecordAny { .. } => unreachable!("in-order steps only"),
            }
            pair.compare();
        }
    }

    /// With results in any order, only legal transitions happen, each starts in the state in which the one before ended, and
    /// a half-open breaker never admits more probes than allowed.
    #[test]
    fn only_legal_transitions_happen(rules in any_rules(), steps in steps(false)) {
        let start = Instant::now();
        let allowance = rules.half_open_requests;
        let mut breaker = Breaker::new(rules, start);
        let (mut now, mut state, mut probes) = (start, Closed, 0);
        let mut open: Vec<Permit> = Vec::new();
        let mut follow = |change: Option<Transition>, probes: &mut u64| {
            if let Some(change) = change {
                assert!(legal(&change), "{change:?}");
                assert_eq!(change.from, state);
                state = change.to;
                *probes = 0;
            }
            state
        };
        for step in steps {
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Admit => {
                    let decision = breaker.admit(now);
                    let state = follow(decision.transition, &mut probes);
                    if let Some(permit) = decision.value {
                        open.push(permit);
                        assert_ne!(state, Open);
                        probes += u64::from(state == HalfOpen);
                        assert!(probes <= allowance);
                    }
                }
                Step::Record { .. } => unreachable!("any-order steps only"),
                Step::RecordAny { index, success } => if !open.is_empty() {
                    let permit = open.remove(index % open.len());
                    let change = breaker.record(permit, success, now);
                    follow(change, &mut probes);
                },
                Step::Forget { index } => if !open.is_empty() {
                    let permit = open.remove(index % open.len());
                    let change = breaker.forget(permit, now);
                    follow(change, &mut probes);
                },
            }
        }
    }

    /// A result of an older generation changes nothing.
    #[test]
    fn results_of_older_generations_are_ignored(late in proptest::collection::vec(any::<bool>(), 1..50)) {
        let mut pair = Pair::new(rules());
        for _ in 0..late.len() + 10 {
            assert!(pair.admit());
        }
        while pair.breaker.inspect(pair.at()).value.0 == Closed {
            prop_assert!(!pair.open.is_empty(), "all requests failed and the breaker did not open");
            pair.record(0, false);
        }
        pair.now += 6 * SECOND;
        assert_eq!(pair.breaker.inspect(pair.at()).value.0, HalfOpen);
        pair.model.advance(pair.now);
        for success in late {
            pair.record(0, success);
            let (state, counts) = pair.breaker.inspect(pair.at()).value;
            prop_assert_eq!((state, counts.requests, counts.failures), (HalfOpen, 0, 0));
        }
    }
}

#[test]
fn trips_at_the_ratio_only_with_enough_requests() {
    let mut pair = Pair::new(rules());
    for index in 0..9 {
        assert!(pair.admit());
        pair.record(0, index >= 4);
    }
    assert_eq!(pair.breaker.inspect(pair.at()).value.0, Closed);
    assert!(pair.admit());
    pair.record(0, false);
    assert_eq!(pair.changes, [Transition { from: Closed, to: Open }]);
}

#[test]
fn trips_at_consecutive_failures_at_any_ratio() {
    let mut pair = Pair::new(BreakerRules { failure_ratio: 1.0, consecutive_failures: 5, ..rules() });
    for success in [true, false, false, false, false] {
        assert!(pair.admit());
        pair.record(0, success);
    }
    assert_eq!(pair.breaker.inspect(pair.at()).value.0, Closed);
    assert!(pair.admit());
    pair.record(0, false);
    assert_eq!(pair.breaker.inspect(pair.at()).value.0, Open);
}

#[test]
fn opens_then_probes_then_closes() {
    let mut pair = Pair::new(rules());
    for _ in 0..10 {
        assert!(pair.admit());
        pair.record(0, false);
    }
    assert!(!pair.admit());
    pair.now += 5 * SECOND;
    assert!(!pair.admit(), "open for the whole timeout");
    pair.now += Duration::from_millis(1);
    assert!(pair.admit() && pair.admit() && pair.admit());
    assert!(!pair.admit(), "three probes and no more");
    for _ in 0..3 {
        pair.record(0, true);
    }
    let edges: Vec<_> = pair.changes.iter().map(|change| (change.from, change.to)).collect();
    assert_eq!(edges, [(Closed, Open), (Open, HalfOpen), (HalfOpen, Closed)]);
}

#[test]
fn a_request_that_was_never_sent_does_not_count() {
    let start = Instant::now();
    let mut breaker = Breaker::new(rules(), start);
    for _ in 0..1_000 {
        let permit = breaker.admit(start).value.unwrap();
        assert_eq!(breaker.forget(permit, start), None);
    }
    let counts = breaker.inspect(start).value;
    assert_eq!((counts.0, counts.1.requests, counts.1.failures), (Closed, 0, 0));
    // Three of ten requests fail, and ten times as many are dropped in between.
    for sent in 0..10 {
        for _ in 0..10 {
            let permit = breaker.admit(start).value.unwrap();
            assert_eq!(breaker.forget(permit, start), None);
        }
        let permit = breaker.admit(start).value.unwrap();
        breaker.record(permit, sent < 7, start);
    }
    assert_eq!(breaker.inspect(start).value.0, Open);
}

#[test]
fn a_probe_that_was_never_sent_counts_as_failed() {
    let start = Instant::now();
    let mut breaker = Breaker::new(rules(), start);
    let late = breaker.admit(start).value.unwrap();
    while let Some(permit) = breaker.admit(start).value {
        breaker.record(permit, false, start);
    }
    let healed = start + 6 * SECOND;
    assert_eq!(breaker.forget(late, healed), Some(Transition { from: Open, to: HalfOpen }));
    let probe = breaker.admit(healed).value.unwrap();
    assert_eq!(breaker.forget(probe, healed), Some(Transition { from: HalfOpen, to: Open }));
}
