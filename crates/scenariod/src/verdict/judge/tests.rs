//! Each kind of expectation held against samples that pass, fail and cannot tell.

use std::collections::BTreeMap;

use metrics_core::labels::RunStatus;
use proptest::prelude::{any, prop_assert, prop_assert_ne, proptest};

use super::evidence::{Health, Named};

use crate::prometheus::Series;

use super::overall::overall;
use super::*;
use crate::promql::{Query, Yields};
use crate::scenario::Window;

const SECOND: Duration = Duration::from_secs(1);
/// Phases of 10 s from 100 s on; it takes a second to take the faults off.
const WINDOWS: Windows = Windows {
    stabilization: Window { start: 100.0, end: 110.0 },
    testing: Window { start: 110.0, end: 121.0 },
    on_until: 120.0,
    recovery: Window { start: 121.0, end: 131.0 },
};

fn expectation(must: Must) -> Expectation {
    let (promql, yields) = match must {
        Must::Compare(_) => ("memcache_circuit_breaker_state", Yields::Number),
        _ => ("memcache_circuit_breaker_state == bool 2", Yields::Truth),
    };
    Expectation {
        name: "x".into(),
        subject: Subject::Client,
        during: During::Testing,
        must,
        query: Query::new(promql, yields).unwrap(),
    }
}

/// A scrape each second, `down` from that second on.
fn health(down: f64) -> Health {
    let scrapes = (90..140).map(|at| f64::from(at) + 0.3).map(|at| (at, at < down)).collect();
    Health { interval: SECOND, targets: vec![scrapes] }
}

/// One series per node; its value by the seconds since the start of testing.
fn series(node: &str, value: impl Fn(f64) -> f64) -> Named {
    let points = (90..140).map(f64::from).map(|at| (at, value(at - 110.0))).collect();
    let series = Series { labels: BTreeMap::from([("server".to_owned(), node.to_owned())]), points };
    Named { name: node.to_owned(), series }
}

fn judge_with(expectation: &Expectation, series: &[Named], nodes: &[String], down: f64) -> Judged {
    let health = health(down);
    let grid = grid(expectation, &WINDOWS, SECOND);
    judge(expectation, &WINDOWS, &Evidence { series, nodes, health: &health, grid }, Duration::MAX)
}

fn judged(expectation: &Expectation, value: impl Fn(f64) -> f64) -> Judged {
    judge_with(expectation, &[series("a", value)], &["a".to_owned()], f64::MAX)
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[track_caller]
fn is(judged: &Judged, finding: Finding, reason: &str) {
    assert_eq!((judged.finding, judged.reason.as_str()), (Some(finding), reason));
}

#[test]
fn always_and_never_take_one_point_as_proof_of_the_contrary() {
    let (always, never) = (expectation(Must::Always), expectation(Must::Never));
    is(&judged(&always, |_| 1.0), Finding::Pass, "always, seen from +1.0 s");
    is(&judged(&always, |at| truth(at != 4.0)), Finding::Fail, "false at +4.0 s for a");
    assert_eq!(judged(&always, |at| truth(at != 4.0)).decided, Some(("a".to_owned(), 4.0)));
    is(&judged(&never, |_| 0.0), Finding::Pass, "never, seen from +1.0 s");
    is(&judged(&never, |at| truth(at == 4.0)), Finding::Fail, "true at +4.0 s for a");
    // What the query looks back on before the phase is another phase's business, and so is what follows it.
    is(&judged(&always, |at| truth(at >= 1.0)), Finding::Pass, "always, seen from +1.0 s");
    is(&judged(&always, |at| truth(at <= 10.0)), Finding::Pass, "always, seen from +1.0 s");
    is(&judged(&always, |at| truth(at < 10.0)), Finding::Fail, "false at +10.0 s for a");
}

#[test]
fn the_first_moments_of_a_baseline_count_where_they_are_known() {
    let always = expectation(Must::Always);
    let baseline = Expectation { subject: Subject::Baseline, during: During::Stabilization, ..always };
    // Stabilization begins 10 s before testing, the query looks back on 1 s.
    let first_bad = judged(&baseline, |at| truth(at != -10.0));
    assert_eq!(first_bad.finding, Some(Finding::Inconclusive));
    assert!(first_bad.reason.ends_with("false at +0.0 s for a"), "{}", first_bad.reason);
    // What was before it is not its business.
    is(&judged(&baseline, |at| truth(at >= -10.0)), Finding::Pass, "always, seen from +0.0 s");
    let unknown = |until: f64| judged(&baseline, move |at| if at < until { f64::NAN } else { 1.0 });
    is(&unknown(-9.0), Finding::Pass, "always, seen from +1.0 s");
    assert_eq!(unknown(-8.0).finding, Some(Finding::Inconclusive));
}

#[test]
fn sometime_takes_one_point() {
    let sometime = expectation(Must::Sometime);
    is(&judged(&sometime, |at| truth(at == 4.0)), Finding::Pass, "true at +4.0 s for a");
    is(&judged(&sometime, |_| 0.0), Finding::Fail, "at no time for a");
    is(&judged(&sometime, |at| truth(at < 1.0)), Finding::Fail, "at no time for a");
    let (one, other) = (series("a", |at| truth(at == 4.0)), series("b", |_| 0.0));
    is(&judge_with(&sometime, &[one, other], &[], f64::MAX), Finding::Fail, "at no time for b");
    let dead = judge_with(&sometime, &[series("a", |_| 0.0)], &[], 115.0);
    assert_eq!(dead.finding, Some(Finding::Inconclusive));
}

/// What Prometheus has of one node from two load generators.
fn of_two_clients(one: impl Fn(f64) -> f64, other: impl Fn(f64) -> f64) -> Vec<Named> {
    let of = |instance: &str, mut series: Series| {
        series.labels.insert("instance".to_owned(), instance.to_owned());
        series.labels.insert("job".to_owned(), "loadgen".to_owned());
        series
    };
    Named::all(vec![of("here:1", series("a", one).series), of("there:2", series("a", other).series)])
}

#[test]
fn one_of_two_load_generators_does_not_pass_for_both() {
    let sometime = expectation(Must::Sometime);
    let two = of_two_clients(|at| truth(at == 4.0), |_| 0.0);
    let nodes = ["a".to_owned()];
    is(&judge_with(&sometime, &two, &nodes, f64::MAX), Finding::Fail, "at no time for a (there:2 loadgen)");
    let compare = expectation(Must::Compare(Bounds { at_least: Some(0.5), at_most: None }));
    let two = of_two_clients(|_| 100.0, |at| if at >= 1.0 { 10.0 } else { 100.0 });
    is(
        &judge_with(&compare, &two, &nodes, f64::MAX),
        Finding::Fail,
        "a (there:2 loadgen): 0.10 x before, below 0.5",
    );
}

#[test]
fn no_two_series_have_one_name() {
    let of = |labels: &[(&str, &str)]| Series {
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Series::default()
    };
    let names = |series: &[Series]| -> Vec<String> {
        Named::all(series.to_vec()).into_iter().map(|named| named.name).collect()
    };
    let one = of(&[("instance", "here:1"), ("job", "loadgen"), ("server", "a")]);
    assert_eq!(names(std::slice::from_ref(&one)), ["a"]);
    assert_eq!(names(&[of(&[("instance", "here:1")])]), ["the value"]);
    let other = of(&[("server", "b")]);
    let there = of(&[("instance", "there:2"), ("server", "a")]);
    assert_eq!(names(&[one, other, there]), ["a (here:1 loadgen)", "b", "a (there:2)"]);
    let hits = of(&[("__name__", "hits"), ("server", "a")]);
    let misses = of(&[("__name__", "misses"), ("server", "a")]);
    assert_eq!(names(&[hits, misses]), [r#"__name__="hits" server="a""#, r#"__name__="misses" server="a""#]);
    assert_eq!(names(&[of(&[("instance", "x:1")]), of(&[("instance", "x:2")])]), ["(x:1)", "(x:2)"]);
}

#[test]
fn at_end_looks_at_the_end_alone() {
    let at_end = expectation(Must::AtEnd);
    is(&judged(&at_end, |at| truth(at == 10.0)), Finding::Pass, "held at +10.0 s");
    is(&judged(&at_end, |at| truth(at != 10.0)), Finding::Fail, "false at +10.0 s for a");
    // Behind the last phase, the scrape that follows it still tells how it ended.
    let recovered = Expectation { during: During::Recovery, ..at_end };
    is(&judged(&recovered, |at| truth(at == 22.0)), Finding::Pass, "held at +11.0 s");
}

#[test]
fn within_allows_a_scrape_on_top_and_no_relapse() {
    let within = expectation(Must::Within(SECOND * 3));
    is(&judged(&within, |at| truth(at >= 2.0)), Finding::Pass, "held from +2.0 s");
    is(&judged(&within, |at| truth(at >= 4.0)), Finding::Pass, "held from +4.0 s");
    is(&judged(&within, |at| truth(at >= 5.0)), Finding::Fail, "false at +4.0 s for a");
    is(&judged(&within, |at| truth(at >= 2.0 && at != 8.0)), Finding::Fail, "false at +8.0 s for a");
    let as_long = expectation(Must::Within(SECOND * 10));
    is(&judged(&as_long, |at| truth(at >= 10.0)), Finding::Pass, "held from +10.0 s");
    is(&judged(&as_long, |at| truth(at > 10.0)), Finding::Fail, "false at +10.0 s for a");
}

#[test]
fn a_phase_that_was_made_too_short_shows_nothing() {
    let shorter = |expectation: &Expectation, scaled| {
        let (health, all) = (health(f64::MAX), [series("a", |_| 1.0)]);
        let grid = grid(expectation, &WINDOWS, SECOND);
        let evidence = Evidence { series: &all, nodes: &[], health: &health, grid };
        judge(expectation, &WINDOWS, &evidence, scaled)
    };
    let within = expectation(Must::Within(SECOND * 8));
    assert_eq!(shorter(&within, SECOND * 8).finding, Some(Finding::Pass));
    is(
        &shorter(&within, SECOND * 7),
        Finding::Inconclusive,
        "the phase (7s) is shorter than what the expectation allows (8s)",
    );
    let query = Query::new("rate(memcache_operations_total[11s]) > bool 0", Yields::Truth).unwrap();
    let long = Expectation { query, ..expectation(Must::AtEnd) };
    is(
        &judged(&long, |_| 1.0),
        Finding::Inconclusive,
        "the phase lasted 10.0 s, the query looks back on 11.0 s",
    );
}

/// Shipped scenarios are judged whole at a tenth of their length, where testing is as long as their queries look back on.
#[test]
fn a_phase_as_long_as_the_query_looks_back_on_has_one_answer() {
    let query = Query::new("rate(memcache_operations_total[10s]) > bool 0", Yields::Truth).unwrap();
    let at_end = Expectation { query, ..expectation(Must::AtEnd) };
    let until = |on_until| {
        let (windows, health, all) =
            (Windows { on_until, ..WINDOWS }, health(f64::MAX), [series("a", |_| 1.0)]);
        let grid = grid(&at_end, &windows, SECOND);
        judge(&at_end, &windows, &Evidence { series: &all, nodes: &[], health: &health, grid }, Duration::MAX)
            .finding
    };
    assert_eq!(until(120.0), Some(Finding::Pass));
    assert_eq!(until(120.0 - UNDER_WAY), Some(Finding::Pass));
    assert_eq!(until(119.9), Some(Finding::Inconclusive));
}

#[test]
fn means_are_compared_series_by_series() {
    let compare = |at_least, at_most| expectation(Must::Compare(Bounds { at_least, at_most }));
    let halved = |at: f64| if at >= 1.0 { 50.0 } else { 100.0 };
    is(&judged(&compare(Some(0.5), None), halved), Finding::Pass, "a: 0.50 x before");
    is(&judged(&compare(Some(0.6), None), halved), Finding::Fail, "a: 0.50 x before, below 0.6");
    is(&judged(&compare(None, Some(0.4)), halved), Finding::Fail, "a: 0.50 x before, above 0.4");
    is(
        &judged(&compare(None, Some(1.0)), |_| 0.0),
        Finding::Inconclusive,
        "a: 0 during stabilization, nothing to compare with",
    );
    let nan = |at: f64| if at == 4.0 { f64::NAN } else { 1.0 };
    assert_eq!(judged(&compare(None, Some(1.0)), nan).finding, Some(Finding::Inconclusive));
}

#[test]
fn every_series_has_to_hold_and_every_node_to_be_there() {
    let always = expectation(Must::Always);
    let nodes = ["a", "b"].map(str::to_owned);
    let judged = |series: &[Named]| judge_with(&always, series, &nodes, f64::MAX);
    let both = [series("a", |_| 1.0), series("b", |at| truth(at != 7.0))];
    is(&judged(&both), Finding::Fail, "false at +7.0 s for b");
    is(&judged(&both[..1]), Finding::Inconclusive, "no data of b");
    is(&judged(&[]), Finding::Inconclusive, "no data");
    let mut gap = series("a", |_| 1.0);
    gap.series.points.retain(|(at, _)| *at != 113.0);
    is(&judged(&[gap, series("b", |_| 1.0)]), Finding::Inconclusive, "no data at +3.0 s for a");
    is(
        &judged(&[series("a", |_| 2.0), series("b", |_| 1.0)]),
        Finding::Inconclusive,
        "2 at +1.0 s for a is neither 0 nor 1",
    );
}

#[test]
fn what_a_dead_client_left_behind_proves_nothing() {
    let always = expectation(Must::Always);
    let dead = |value: fn(f64) -> f64| judge_with(&always, &[series("a", value)], &[], 115.0);
    is(&dead(|_| 1.0), Finding::Inconclusive, "the load generator did not answer at +6.0 s for a");
    // What was seen before counts.
    is(&dead(|at| truth(at != 3.0)), Finding::Fail, "false at +3.0 s for a");
    is(
        &dead(|at| truth(at < 7.0)),
        Finding::Inconclusive,
        "the load generator did not answer at +6.0 s for a",
    );
    let mut gone = health(f64::MAX);
    gone.targets[0].retain(|(at, _)| *at < 115.0);
    let (grid, all) = (grid(&always, &WINDOWS, SECOND), [series("a", |_| 1.0)]);
    let evidence = Evidence { series: &all, nodes: &[], health: &gone, grid };
    is(
        &judge(&always, &WINDOWS, &evidence, Duration::MAX),
        Finding::Inconclusive,
        "the load generator was not scraped at +7.0 s for a",
    );
}

#[test]
fn the_interval_is_the_usual_gap_between_scrapes() {
    let up = Series { points: vec![(1.0, 1.0), (2.001, 1.0), (3.0, 0.0), (7.0, 1.0)], ..Series::default() };
    assert_eq!(Health::new(std::slice::from_ref(&up)).map(|health| health.interval), Some(SECOND));
    assert_eq!(Health::new(&[Series { points: vec![(1.0, 1.0)], ..up }]), None);
    assert_eq!(Health::new(&[]), None);
}

#[test]
fn a_fault_that_did_nothing_leaves_open_what_should_have_followed() {
    let fault = Expectation { subject: Subject::Fault, ..expectation(Must::AtEnd) };
    let bit = judged(&fault, |_| 1.0);
    let nothing = judged(&fault, |_| 0.0);
    is(&nothing, Finding::Inconclusive, "the fault did nothing that shows: false at +10.0 s for a");
    let within = expectation(Must::Within(SECOND));
    let never = Expectation { during: During::Run, ..expectation(Must::Never) };
    let (fail, pass) = (Judged::fail(""), Judged::pass(""));
    let end = |fault_judged, expectation, judged| overall(&[(&fault, fault_judged), (expectation, judged)]);
    assert_eq!(end(&bit, &within, &pass), RunStatus::Success);
    assert_eq!(end(&bit, &within, &fail), RunStatus::Failed);
    assert_eq!(end(&nothing, &within, &pass), RunStatus::Inconclusive);
    assert_eq!(end(&nothing, &within, &fail), RunStatus::Inconclusive);
    assert_eq!(end(&nothing, &never, &fail), RunStatus::Failed);
    let baseline = Expectation { subject: Subject::Baseline, ..expectation(Must::Always) };
    let unwell = judged(&baseline, |_| 0.0);
    is(
        &unwell,
        Finding::Inconclusive,
        "nothing that follows can be laid to the fault: false at +1.0 s for a",
    );
    assert_eq!(overall(&[(&fault, &bit), (&baseline, &unwell), (&within, &fail)]), RunStatus::Inconclusive);
    let elsewhere = Judged::not_applicable("");
    assert_eq!(end(&bit, &within, &elsewhere), RunStatus::Success);
    assert_eq!(end(&bit, &within, &Judged::inconclusive("")), RunStatus::Inconclusive);
    assert_eq!(overall(&[]), RunStatus::Success);
}

proptest! {
    /// Taking data away never makes a verdict better, and never a pass of no data.
    #[test]
    fn less_data_is_never_a_pass(
        values in proptest::collection::vec(any::<bool>(), 50),
        lost in 110_u32..=120,
        kind in 0_usize..5,
    ) {
        let must = [Must::Always, Must::Never, Must::AtEnd, Must::Within(SECOND * 3), Must::Sometime][kind];
        let expectation = expectation(must);
        let value = |at: f64| truth(values[(at + 20.0) as usize]);
        let whole = judged(&expectation, value).finding;
        let mut less = series("a", value);
        less.series.points.retain(|(at, _)| *at != f64::from(lost));
        let found = judge_with(&expectation, &[less], &[], f64::MAX).finding;
        prop_assert!(found == whole || found == Some(Finding::Inconclusive) || whole == Some(Finding::Fail));
        if whole != Some(Finding::Pass) {
            prop_assert_ne!(found, Some(Finding::Pass));
        }
        let mut none = series("a", value);
        none.series.points.clear();
        prop_assert!(judge_with(&expectation, &[none], &[], f64::MAX).finding == Some(Finding::Inconclusive));
    }
}
