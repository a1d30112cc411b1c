//! Each kind of measurement with a failure within the limit of a shortage and one beyond it.

use metrics_core::families::machine::Part;
use proptest::prelude::*;

use super::*;
use crate::promql::{Query, ValueKind};
use crate::scenario::expectation::{Bounds, Subject};

const SECOND: Duration = Duration::from_secs(1);
const ERRORS: &str = "server:memcache_error_ratio:rate5s < bool 0.01";
const BREAKER: &str = "memcache_circuit_breaker_state == bool 0";

fn expectation(must: Must, promql: &str) -> Expectation {
    let kind = if matches!(must, Must::Compare(_)) { ValueKind::Number } else { ValueKind::Truth };
    Expectation {
        name: "x".to_owned(),
        subject: Subject::Client,
        during: During::Testing,
        must,
        query: Query::new(promql, kind).unwrap(),
    }
}

/// Whether a shortage of this share, of loadgen, excuses the miss.
fn excused(expectation: &Expectation, miss: Miss, share: f64) -> bool {
    let judgement = Judgement::fail("it failed", miss);
    let shortage = Shortage::of(&[(Part::LoadgenStalled, share)]);
    excuse(expectation, judgement, &shortage, SECOND).finding == Some(Finding::Inconclusive)
}

fn at(value: f64) -> Miss {
    Miss::Moment { value: Some(value) }
}

#[test]
fn a_share_of_operations_changes_by_twice_the_shortage() {
    let errors = expectation(Must::Always, ERRORS);
    // The example of the documentation.
    assert!(!excused(&errors, at(0.3), 0.02));
    assert!(excused(&errors, at(0.04), 0.02));
    assert!(excused(&errors, at(0.3), 0.31));
    let hits = expectation(Must::Always, "sum(rate(a_total[5s])) / sum(rate(b_total[5s])) > bool 0.95");
    assert!(excused(&hits, at(0.9), 0.03) && !excused(&hits, at(0.5), 0.03));
    let never = expectation(Must::Never, "server:memcache_error_ratio:rate5s > bool 0.5");
    assert!(excused(&never, at(0.55), 0.03) && !excused(&never, at(0.9), 0.03));
}

#[test]
fn throughput_falls_by_at_most_twice_the_shortage() {
    let bounds = Bounds { at_least: Some(0.8), at_most: None };
    let compare = expectation(Must::Compare(bounds), "server:memcache_operations:rate5s");
    let factor = |ratio| Miss::Factor { ratio, bounds };
    assert!(excused(&compare, factor(0.74), 0.31) && excused(&compare, factor(0.74), 0.05));
    assert!(!excused(&compare, factor(0.74), 0.02));
    assert!(!excused(&compare, factor(0.0), 0.4));
    let rate = expectation(Must::AtEnd, "sum(rate(memcache_operations_total[1s])) > bool 100");
    assert!(excused(&rate, at(80.0), 0.2) && !excused(&rate, at(0.0), 0.9));
}

#[test]
fn a_quantile_moves_only_if_enough_operations_are_hit() {
    let bounds = Bounds { at_least: None, at_most: Some(3.0) };
    let of = |quantile: &str| {
        let promql = format!("server:memcache_operation_duration_seconds:{quantile}_5s");
        expectation(Must::Compare(bounds), &promql)
    };
    let factor = || Miss::Factor { ratio: 9.0, bounds };
    assert!(excused(&of("p99"), factor(), 0.01) && !excused(&of("p50"), factor(), 0.01));
    assert!(excused(&of("p50"), factor(), 0.25));
    let least = Bounds { at_least: Some(2.0), at_most: None };
    let slower = expectation(Must::Compare(least), "server:memcache_operation_duration_seconds:p99_5s");
    assert!(!excused(&slower, Miss::Factor { ratio: 1.0, bounds: least }, 0.5));
}

#[test]
fn a_state_changes_only_if_one_operation_can_have_failed() {
    let closed = expectation(Must::Always, BREAKER);
    let open = || Miss::Moment { value: None };
    assert!(excused(&closed, open(), 0.12) && !excused(&closed, open(), 0.05));
}

#[test]
fn a_limit_grows_with_the_delay_and_what_never_comes_stays_failed() {
    let within = expectation(Must::Within(SECOND * 3), "memcache_circuit_breaker_state != bool 0");
    let points = |holds: &dyn Fn(f64) -> bool| Miss::Late {
        points: (1..=16).map(f64::from).map(|at| (at, holds(at))).collect(),
    };
    let from = |since: f64| points(&|at| at >= since);
    assert!(excused(&within, from(6.0), 0.4) && !excused(&within, from(9.0), 0.4));
    assert!(!excused(&within, from(6.0), 0.05));
    // A client without a breaker, on a machine that gave it a tenth of the time.
    assert!(!excused(&within, from(99.0), 0.6) && !excused(&within, from(99.0), 0.9));
    // One late error.
    assert!(
        excused(&within, points(&|at| at != 11.0), 0.2) && !excused(&within, points(&|at| at != 11.0), 0.02)
    );
}

/// Beside four busy loops, loadgen waits for 48% of the time, each time for some milliseconds. Times and limits grow with that, but
/// no operation of an open loop fails.
#[test]
fn short_waits_delay_and_fail_nothing() {
    let waits = Shortage::of(&[(Part::LoadgenWaits, 0.48)]);
    let judge = |expectation: &Expectation, miss| {
        excuse(expectation, Judgement::fail("it failed", miss), &waits, SECOND).finding
    };
    assert_eq!(judge(&expectation(Must::Always, ERRORS), at(0.02)), Some(Finding::Fail));
    assert_eq!(judge(&expectation(Must::Always, BREAKER), at(2.0)), Some(Finding::Fail));
    let bounds = Bounds { at_least: Some(0.8), at_most: None };
    let compare = expectation(Must::Compare(bounds), "server:memcache_operations:rate5s");
    assert_eq!(judge(&compare, Miss::Factor { ratio: 0.74, bounds }), Some(Finding::Fail));
    let p99 = expectation(Must::Always, "server:memcache_operation_duration_seconds:p99_5s < bool 0.1");
    assert_eq!(judge(&p99, at(0.2)), Some(Finding::Inconclusive));
}

#[test]
fn what_should_happen_once_is_not_prevented() {
    let sometime = expectation(Must::Sometime, "memcache_circuit_breaker_state == bool 2");
    assert!(!excused(&sometime, Miss::Never, 0.4) && excused(&sometime, Miss::Never, 0.5));
}

#[test]
fn a_reason_keeps_what_was_seen_and_adds_the_figure() {
    let judgement = Judgement::fail("a: 0.74 x before, below 0.8", at(0.5));
    let shortage = Shortage::of(&[(Part::LoadgenStalled, 0.31)]);
    let excused = excuse(&expectation(Must::Always, ERRORS), judgement, &shortage, SECOND);
    assert_eq!(
        excused.reason,
        "a: 0.74 x before, below 0.8; the machine can have caused this: loadgen stood still for 31% of testing, \
         at most 31% within 5s"
    );
    assert_eq!(excused.cause, Cause::Machine);
}

proptest! {
    /// A wrong value stays failed, and so does everything on a machine that lacked nothing.
    #[test]
    fn wrong_values_and_a_good_machine_excuse_nothing(share in 0.0..1.0f64, value in 0.011..1e6f64) {
        let wrong = expectation(Must::Never, "sum(increase(memcache_corrupt_reads_total[5s])) > bool 0");
        prop_assert!(!excused(&wrong, at(value), share));
        for promql in [ERRORS, BREAKER] {
            prop_assert!(!excused(&expectation(Must::Always, promql), at(value), 0.0));
        }
    }

    /// A larger shortage excuses whatever a smaller one does.
    #[test]
    fn excuses_grow_with_the_shortage(small in 0.0..1.0f64, more in 0.0..1.0f64, value in 0.0..1.0f64) {
        let large = (small + more).min(1.0);
        for (must, promql) in [(Must::Always, ERRORS), (Must::Always, BREAKER), (Must::Never, "a > bool 0.5")] {
            let expectation = expectation(must, promql);
            prop_assert!(!excused(&expectation, at(value), small) || excused(&expectation, at(value), large));
        }
    }
}
