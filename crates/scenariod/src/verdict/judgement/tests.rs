//! Each kind of expectation, with samples that pass, fail and are inconclusive.

use std::collections::BTreeMap;

use metrics_core::labels::RunStatus;
use proptest::prelude::{any, prop_assert, prop_assert_ne, proptest};

use super::evidence::{NamedSeries, ScrapeHealth};
use super::presence::{Target, TargetId};

use crate::prometheus::Series;

mod targets;

use super::overall::overall_status;
use super::*;
use crate::promql::{Query, ValueKind};
use crate::scenario::Window;

const SECOND: Duration = Duration::from_secs(1);
/// Phases of 10 s from 100 s on. Removing the faults takes one second.
const WINDOWS: Windows = Windows {
    stabilization: Window { start: 100.0, end: 110.0 },
    testing: Window { start: 110.0, end: 121.0 },
    on_until: 120.0,
    recovery: Window { start: 121.0, end: 131.0 },
};

fn expectation(must: Must) -> Expectation {
    let (promql, kind) = match must {
        Must::Compare(_) => ("memcache_circuit_breaker_state", ValueKind::Number),
        _ => ("memcache_circuit_breaker_state == bool 2", ValueKind::Truth),
    };
    Expectation {
        name: "x".into(),
        subject: Subject::Client,
        during: During::Testing,
        must,
        query: Query::new(promql, kind).unwrap(),
    }
}

/// A scrape each second. The load generator does not answer from second `down` on.
fn health(down: f64) -> ScrapeHealth {
    let scrapes = (90..140).map(|at| f64::from(at) + 0.3).map(|at| (at, at < down)).collect();
    ScrapeHealth { interval: SECOND, targets: vec![target("127.0.0.1:9090", scrapes)] }
}

fn target(instance: &str, scrapes: Vec<(f64, bool)>) -> Target {
    Target { id: TargetId { job: "loadgen".to_owned(), instance: instance.to_owned() }, scrapes }
}

/// The series of one node. Its value depends on the seconds since the start of testing.
fn series(node: &str, value: impl Fn(f64) -> f64) -> NamedSeries {
    let points = (90..140).map(f64::from).map(|at| (at, value(at - 110.0))).collect();
    let series = Series { labels: BTreeMap::from([("server".to_owned(), node.to_owned())]), points };
    NamedSeries { name: node.to_owned(), series }
}

fn judge_with(expectation: &Expectation, series: &[NamedSeries], nodes: &[String], down: f64) -> Judgement {
    let health = health(down);
    let grid = evaluation_grid(expectation, &WINDOWS, SECOND);
    judge_expectation(
        expectation,
        &WINDOWS,
        &Evidence { series, nodes, health: &health, grid },
        Duration::MAX,
    )
}

fn judge_one(expectation: &Expectation, value: impl Fn(f64) -> f64) -> Judgement {
    judge_with(expectation, &[series("a", value)], &["a".to_owned()], f64::MAX)
}

fn truth(value: bool) -> f64 {
    f64::from(u8::from(value))
}

#[track_caller]
fn assert_judgement(judgement: &Judgement, finding: Finding, reason: &str) {
    assert_eq!((judgement.finding, judgement.reason.as_str()), (Some(finding), reason));
}

#[test]
fn one_point_is_enough_to_fail_always_and_never() {
    let (always, never) = (expectation(Must::Always), expectation(Must::Never));
    assert_judgement(&judge_one(&always, |_| 1.0), Finding::Pass, "always, from +1.0 s");
    assert_judgement(&judge_one(&always, |at| truth(at != 4.0)), Finding::Fail, "false at +4.0 s for a");
    assert_eq!(judge_one(&always, |at| truth(at != 4.0)).decisive_point, Some(("a".to_owned(), 4.0)));
    assert_judgement(&judge_one(&never, |_| 0.0), Finding::Pass, "never, from +1.0 s");
    assert_judgement(&judge_one(&never, |at| truth(at == 4.0)), Finding::Fail, "true at +4.0 s for a");
    // Samples before and after the phase belong to other phases.
    assert_judgement(&judge_one(&always, |at| truth(at >= 1.0)), Finding::Pass, "always, from +1.0 s");
    assert_judgement(&judge_one(&always, |at| truth(at <= 10.0)), Finding::Pass, "always, from +1.0 s");
    assert_judgement(&judge_one(&always, |at| truth(at < 10.0)), Finding::Fail, "false at +10.0 s for a");
}

#[test]
fn the_first_moments_of_a_baseline_count_if_there_is_data() {
    let always = expectation(Must::Always);
    let baseline = Expectation { subject: Subject::Baseline, during: During::Stabilization, ..always };
    // Stabilization begins 10 s before testing, the query looks back on 1 s.
    let first_bad = judge_one(&baseline, |at| truth(at != -10.0));
    assert_eq!(first_bad.finding, Some(Finding::Inconclusive));
    assert!(first_bad.reason.ends_with("false at +0.0 s for a"), "{}", first_bad.reason);
    // Samples before stabilization do not count.
    assert_judgement(&judge_one(&baseline, |at| truth(at >= -10.0)), Finding::Pass, "always, from +0.0 s");
    let unknown = |until: f64| judge_one(&baseline, move |at| if at < until { f64::NAN } else { 1.0 });
    assert_judgement(&unknown(-9.0), Finding::Pass, "always, from +1.0 s");
    assert_eq!(unknown(-8.0).finding, Some(Finding::Inconclusive));
}

#[test]
fn sometime_needs_one_true_point_per_series() {
    let sometime = expectation(Must::Sometime);
    assert_judgement(&judge_one(&sometime, |at| truth(at == 4.0)), Finding::Pass, "true at +4.0 s for a");
    assert_judgement(&judge_one(&sometime, |_| 0.0), Finding::Fail, "never true for a");
    assert_judgement(&judge_one(&sometime, |at| truth(at < 1.0)), Finding::Fail, "never true for a");
    let (one, other) = (series("a", |at| truth(at == 4.0)), series("b", |_| 0.0));
    assert_judgement(&judge_with(&sometime, &[one, other], &[], f64::MAX), Finding::Fail, "never true for b");
    let dead = judge_with(&sometime, &[series("a", |_| 0.0)], &[], 115.0);
    assert_eq!(dead.finding, Some(Finding::Inconclusive));
}

#[test]
fn every_series_has_its_own_name() {
    let of = |labels: &[(&str, &str)]| Series {
        labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Series::default()
    };
    let names = |series: &[Series]| -> Vec<String> {
        NamedSeries::name_all(series.to_vec()).into_iter().map(|named| named.name).collect()
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
fn at_end_only_uses_the_last_point() {
    let at_end = expectation(Must::AtEnd);
    assert_judgement(&judge_one(&at_end, |at| truth(at == 10.0)), Finding::Pass, "held at +10.0 s");
    assert_judgement(&judge_one(&at_end, |at| truth(at != 10.0)), Finding::Fail, "false at +10.0 s for a");
    // The scrape that follows the last phase shows how the phase ended.
    let recovered = Expectation { during: During::Recovery, ..at_end };
    assert_judgement(&judge_one(&recovered, |at| truth(at == 22.0)), Finding::Pass, "held at +11.0 s");
}

#[test]
fn within_allows_one_more_scrape_and_no_relapse() {
    let within = expectation(Must::Within(SECOND * 3));
    assert_judgement(&judge_one(&within, |at| truth(at >= 2.0)), Finding::Pass, "held from +2.0 s");
    assert_judgement(&judge_one(&within, |at| truth(at >= 4.0)), Finding::Pass, "held from +4.0 s");
    assert_judgement(&judge_one(&within, |at| truth(at >= 5.0)), Finding::Fail, "false at +4.0 s for a");
    assert_judgement(
        &judge_one(&within, |at| truth(at >= 2.0 && at != 8.0)),
        Finding::Fail,
        "false at +8.0 s for a",
    );
    let as_long = expectation(Must::Within(SECOND * 10));
    assert_judgement(&judge_one(&as_long, |at| truth(at >= 10.0)), Finding::Pass, "held from +10.0 s");
    assert_judgement(&judge_one(&as_long, |at| truth(at > 10.0)), Finding::Fail, "false at +10.0 s for a");
}

#[test]
fn a_phase_that_is_too_short_is_inconclusive() {
    let shorter = |expectation: &Expectation, scaled| {
        let (health, all) = (health(f64::MAX), [series("a", |_| 1.0)]);
        let grid = evaluation_grid(expectation, &WINDOWS, SECOND);
        let evidence = Evidence { series: &all, nodes: &[], health: &health, grid };
        judge_expectation(expectation, &WINDOWS, &evidence, scaled)
    };
    let within = expectation(Must::Within(SECOND * 8));
    assert_eq!(shorter(&within, SECOND * 8).finding, Some(Finding::Pass));
    assert_judgement(
        &shorter(&within, SECOND * 7),
        Finding::Inconclusive,
        "the phase lasts 7s, but the expectation allows 8s",
    );
    let query = Query::new("rate(memcache_operations_total[11s]) > bool 0", ValueKind::Truth).unwrap();
    let long = Expectation { query, ..expectation(Must::AtEnd) };
    assert_judgement(
        &judge_one(&long, |_| 1.0),
        Finding::Inconclusive,
        "the phase lasted 10.00 s, but the query looks back 11s",
    );
}

/// At a tenth of their length, testing in the shipped scenarios is exactly as long as the lookback of their queries.
#[test]
fn a_phase_exactly_as_long_as_the_lookback_is_long_enough() {
    let query = Query::new("rate(memcache_operations_total[10s]) > bool 0", ValueKind::Truth).unwrap();
    let at_end = Expectation { query, ..expectation(Must::AtEnd) };
    let until = |on_until| {
        let (windows, health, all) =
            (Windows { on_until, ..WINDOWS }, health(f64::MAX), [series("a", |_| 1.0)]);
        let grid = evaluation_grid(&at_end, &windows, SECOND);
        judge_expectation(
            &at_end,
            &windows,
            &Evidence { series: &all, nodes: &[], health: &health, grid },
            Duration::MAX,
        )
        .finding
    };
    assert_eq!(until(120.0), Some(Finding::Pass));
    assert_eq!(until(120.0 - UNDER_WAY), Some(Finding::Pass));
    assert_eq!(until(119.9), Some(Finding::Inconclusive));
}

#[test]
fn means_are_compared_per_series() {
    let compare = |at_least, at_most| expectation(Must::Compare(Bounds { at_least, at_most }));
    let halved = |at: f64| if at >= 1.0 { 50.0 } else { 100.0 };
    assert_judgement(&judge_one(&compare(Some(0.5), None), halved), Finding::Pass, "a: 0.50 x before");
    assert_judgement(
        &judge_one(&compare(Some(0.6), None), halved),
        Finding::Fail,
        "a: 0.50 x before, below 0.6",
    );
    assert_judgement(
        &judge_one(&compare(None, Some(0.4)), halved),
        Finding::Fail,
        "a: 0.50 x before, above 0.4",
    );
    assert_judgement(
        &judge_one(&compare(None, Some(1.0)), |_| 0.0),
        Finding::Inconclusive,
        "a: 0 during stabilization, nothing to compare with",
    );
    let nan = |at: f64| if at == 4.0 { f64::NAN } else { 1.0 };
    assert_eq!(judge_one(&compare(None, Some(1.0)), nan).finding, Some(Finding::Inconclusive));
}

#[test]
fn every_series_must_hold_and_every_node_must_have_one() {
    let always = expectation(Must::Always);
    let nodes = ["a", "b"].map(str::to_owned);
    let judge_series = |series: &[NamedSeries]| judge_with(&always, series, &nodes, f64::MAX);
    let both = [series("a", |_| 1.0), series("b", |at| truth(at != 7.0))];
    assert_judgement(&judge_series(&both), Finding::Fail, "false at +7.0 s for b");
    assert_judgement(&judge_series(&both[..1]), Finding::Inconclusive, "no data for b");
    assert_judgement(&judge_series(&[]), Finding::Inconclusive, "no data");
    let mut gap = series("a", |_| 1.0);
    gap.series.points.retain(|(at, _)| *at != 113.0);
    assert_judgement(
        &judge_series(&[gap, series("b", |_| 1.0)]),
        Finding::Inconclusive,
        "no data at +3.0 s for a",
    );
    assert_judgement(
        &judge_series(&[series("a", |_| 2.0), series("b", |_| 1.0)]),
        Finding::Inconclusive,
        "2 at +1.0 s for a is neither 0 nor 1",
    );
}

#[test]
fn old_samples_of_a_dead_client_are_inconclusive() {
    let always = expectation(Must::Always);
    let dead = |value: fn(f64) -> f64| judge_with(&always, &[series("a", value)], &[], 115.0);
    assert_judgement(
        &dead(|_| 1.0),
        Finding::Inconclusive,
        "the load generator did not answer at +6.0 s for a",
    );
    // A failure from before its death counts.
    assert_judgement(&dead(|at| truth(at != 3.0)), Finding::Fail, "false at +3.0 s for a");
    assert_judgement(
        &dead(|at| truth(at < 7.0)),
        Finding::Inconclusive,
        "the load generator did not answer at +6.0 s for a",
    );
    let mut gone = health(f64::MAX);
    gone.targets[0].scrapes.retain(|(at, _)| *at < 115.0);
    let (grid, all) = (evaluation_grid(&always, &WINDOWS, SECOND), [series("a", |_| 1.0)]);
    let evidence = Evidence { series: &all, nodes: &[], health: &gone, grid };
    assert_judgement(
        &judge_expectation(&always, &WINDOWS, &evidence, Duration::MAX),
        Finding::Inconclusive,
        "the load generator was not scraped at +7.0 s for a",
    );
}

#[test]
fn an_invisible_fault_or_an_unhealthy_baseline_makes_a_run_inconclusive() {
    let fault = Expectation { subject: Subject::Fault, ..expectation(Must::AtEnd) };
    let visible = judge_one(&fault, |_| 1.0);
    let invisible = judge_one(&fault, |_| 0.0);
    assert_judgement(
        &invisible,
        Finding::Inconclusive,
        "the fault had no visible effect: false at +10.0 s for a",
    );
    let within = expectation(Must::Within(SECOND));
    let never = Expectation { during: During::Run, ..expectation(Must::Never) };
    let (fail, pass) = (Judgement::fail("", Miss::Never), Judgement::pass(""));
    let status = |of_fault: &Judgement, expectation, other: &Judgement| {
        overall_status(&[(&fault, of_fault.clone()), (expectation, other.clone())])
    };
    assert_eq!(status(&visible, &within, &pass), RunStatus::Success);
    assert_eq!(status(&visible, &within, &fail), RunStatus::Failed);
    assert_eq!(status(&invisible, &within, &pass), RunStatus::Inconclusive);
    assert_eq!(status(&invisible, &within, &fail), RunStatus::Inconclusive);
    assert_eq!(status(&invisible, &never, &fail), RunStatus::Failed);
    let baseline = Expectation { subject: Subject::Baseline, ..expectation(Must::Always) };
    let unhealthy = judge_one(&baseline, |_| 0.0);
    assert_judgement(
        &unhealthy,
        Finding::Inconclusive,
        "the baseline was already unhealthy, so nothing can be attributed to the fault: false at +1.0 s for a",
    );
    let all = [(&fault, visible.clone()), (&baseline, unhealthy), (&within, fail)];
    assert_eq!(overall_status(&all), RunStatus::Inconclusive);
    let not_applicable = Judgement::not_applicable("");
    assert_eq!(status(&visible, &within, &not_applicable), RunStatus::Success);
    assert_eq!(status(&visible, &within, &Judgement::inconclusive("")), RunStatus::Inconclusive);
    assert_eq!(overall_status(&[]), RunStatus::Success);
}

proptest! {
    /// Removing data never turns a result into a pass, and no data is never a pass.
    #[test]
    fn removing_data_never_makes_a_pass(
        values in proptest::collection::vec(any::<bool>(), 50),
        lost in 110_u32..=120,
        kind in 0_usize..5,
    ) {
        let must = [Must::Always, Must::Never, Must::AtEnd, Must::Within(SECOND * 3), Must::Sometime][kind];
        let expectation = expectation(must);
        let value = |at: f64| truth(values[(at + 20.0) as usize]);
        let whole = judge_one(&expectation, value).finding;
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
