//! Several load generators, and scrapes that are too rare for a query.

use super::*;

/// The series of one node from two load generators.
fn of_two_clients(one: impl Fn(f64) -> f64, other: impl Fn(f64) -> f64) -> Vec<NamedSeries> {
    let of = |instance: &str, mut series: Series| {
        series.labels.insert("instance".to_owned(), instance.to_owned());
        series.labels.insert("job".to_owned(), "loadgen".to_owned());
        series
    };
    NamedSeries::name_all(vec![
        of("here:1", series("a", one).series),
        of("there:2", series("a", other).series),
    ])
}

#[test]
fn each_of_two_load_generators_must_pass() {
    let sometime = expectation(Must::Sometime);
    let two = of_two_clients(|at| truth(at == 4.0), |_| 0.0);
    let nodes = ["a".to_owned()];
    assert_judgement(
        &judge_with(&sometime, &two, &nodes, f64::MAX),
        Finding::Fail,
        "never true for a (there:2 loadgen)",
    );
    let compare = expectation(Must::Compare(Bounds { at_least: Some(0.5), at_most: None }));
    let two = of_two_clients(|_| 100.0, |at| if at >= 1.0 { 10.0 } else { 100.0 });
    assert_judgement(
        &judge_with(&compare, &two, &nodes, f64::MAX),
        Finding::Fail,
        "a (there:2 loadgen): 0.10 x before, below 0.5",
    );
}

/// Two load generators, each scraped once a second. The second one does not answer from second `down` on.
fn judge_two(expectation: &Expectation, series: &[NamedSeries], down: f64) -> Judgement {
    let mut two = health(f64::MAX);
    let scrapes = health(down).targets.remove(0).scrapes;
    two.targets = vec![target("here:1", two.targets.remove(0).scrapes), target("there:2", scrapes)];
    let grid = evaluation_grid(expectation, &WINDOWS, SECOND);
    let evidence = Evidence { series, nodes: &[], health: &two, grid };
    judge_expectation(expectation, &WINDOWS, &evidence, Duration::MAX)
}

#[test]
fn each_series_is_judged_by_the_scrapes_of_its_own_load_generator() {
    let always = expectation(Must::Always);
    let both = of_two_clients(|_| 1.0, |_| 1.0);
    assert_judgement(&judge_two(&always, &both, f64::MAX), Finding::Pass, "always, from +1.0 s");
    // Its last value is still returned.
    assert_judgement(
        &judge_two(&always, &both, 115.0),
        Finding::Inconclusive,
        "the load generator did not answer at +6.0 s for a (there:2 loadgen)",
    );
    // It died before the phase, so that it has no series. The other one does not stand for it.
    let one = &both[..1];
    assert_judgement(
        &judge_two(&always, one, 105.0),
        Finding::Inconclusive,
        "the load generator did not answer at +1.0 s for there:2",
    );
    // It answers, but the query is not about it.
    assert_judgement(&judge_two(&always, one, f64::MAX), Finding::Pass, "always, from +1.0 s");
    // A sum needs all of them.
    assert_judgement(
        &judge_two(&always, &[series("a", |_| 1.0)], 115.0),
        Finding::Inconclusive,
        "the load generator did not answer at +6.0 s for a",
    );
}

#[test]
fn a_query_with_too_few_samples_is_inconclusive_in_those_words() {
    let query = Query::new("rate(memcache_operations_total[1s]) > bool 0", ValueKind::Truth).unwrap();
    let (always, never) = (expectation(Must::Always), expectation(Must::Never));
    let words = "needs 2 samples in 1s, but Prometheus scrapes every 1s";
    let sparse = Expectation { query: query.clone(), ..always };
    assert_judgement(&judge_one(&sparse, |_| 1.0), Finding::Inconclusive, words);
    assert_judgement(&judge_with(&sparse, &[], &[], f64::MAX), Finding::Inconclusive, words);
    // A wrong value that was seen counts.
    let wrong = Expectation { query, ..never };
    assert_judgement(&judge_one(&wrong, |at| truth(at == 4.0)), Finding::Fail, "true at +4.0 s for a");
}
