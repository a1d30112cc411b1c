//! Formats the widest possible report of every scenario.

use metrics_core::labels::RunStatus;

use super::*;
use crate::catalogue;
use crate::promql::Nodes;
use crate::verdict::judgement::{Cause, Judgement};
use crate::verdict::report::ExpectationResult;
use crate::verdict::report::summary::Summary;

const NODES: [&str; 3] = ["memcached1", "memcached2", "memcached3"];

fn figures(phase: &'static str) -> PhaseFigures {
    let counted = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 123_456)).collect();
    PhaseFigures {
        phase,
        operations_per_second: Some(123_456.0),
        error_ratio: Some(0.000_123),
        errors: counted(&[
            "breaker_open",
            "connect",
            "io",
            "pool_exhausted",
            "protocol",
            "server",
            "timeout",
        ]),
        p50: Some(Quantile::LowerBound(120.0)),
        p99: Some(Quantile::LowerBound(120.0)),
        lower_bounds: vec!["p50", "p99"],
        breaker_transitions: counted(&["closed>open", "open>half_open", "half_open>closed"]),
        wrong_values: Some(123_456),
        ..PhaseFigures::default()
    }
}

fn node(server: &str) -> NodeReport {
    NodeReport {
        server: server.to_owned(),
        target: true,
        hurt: Some(true),
        time_to_detect_seconds: Some(12.345),
        recovery: Recovery::After(12.345),
        phases: ["stabilization", "testing", "recovery"].map(figures).to_vec(),
    }
}

/// The widest report of a scenario. The judgements are assigned to its expectations in turn.
fn widest(scenario: &crate::scenario::Scenario, judgements: &[Judgement]) -> RunReport {
    let names = NODES.map(str::to_owned);
    let targets = names.iter().take(2).cloned().collect();
    let query = |expectation: &crate::scenario::expectation::Expectation| {
        let filled = expectation.query.fill(Nodes { targets: &targets, all: &names });
        filled.map_or_else(String::new, |filled| filled.promql)
    };
    let results = scenario.expect.iter().zip(judgements.iter().cycle());
    RunReport {
        status: RunStatus::Inconclusive,
        note: None,
        expectations: results
            .map(|(expect, judgement)| ExpectationResult::new(expect, query(expect), judgement))
            .collect(),
        nodes: NODES.map(node).to_vec(),
        ..RunReport::without_verdict(&scenario.name, "mwq7za6uhs4", &[], String::new())
    }
}

#[track_caller]
fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(COLUMNS), "{} columns:\n{text}", line.chars().count());
    }
}

#[test]
fn every_report_of_the_catalogue_fits_the_width() {
    let passing = Judgement {
        finding: Some(Finding::Pass),
        reason: "memcached3: 0.01 x before".into(),
        decisive_point: None,
        miss: None,
        cause: Cause::Data,
    };
    let failing = Judgement {
        finding: Some(Finding::Fail),
        reason: "the fault had no visible effect: false at +123.0 s for memcached3 (was 0.0000)".into(),
        decisive_point: None,
        miss: None,
        cause: Cause::Data,
    };
    let scenarios = catalogue::scenarios(&catalogue::built_in()).unwrap();
    assert!(!scenarios.is_empty());
    for scenario in &scenarios {
        let all = [
            passing.clone(),
            failing.clone(),
            Judgement::inconclusive("no data"),
            Judgement::not_applicable("every node has a fault"),
        ];
        let passed = format_report(&widest(scenario, &all[..1]));
        assert_fits(&passed);
        // Rows that pass are not wrapped.
        let rows = passed.lines().filter(|line| line.starts_with("| pass")).count();
        assert_eq!(rows, scenario.expect.len(), "{passed}");
        let cells = passed.lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(cells, 2 + 9 + 2 + rows, "{passed}");
        assert_fits(&format_report(&widest(scenario, &all)));
        let mut summary = Summary::default();
        summary.add(&widest(scenario, &all));
        summary.add(&widest(scenario, &all));
        assert!(summary.table().lines().count() > 2);
        assert_fits(&summary.table());
    }
}

#[test]
fn a_long_name_is_wrapped_within_its_cell() {
    let long = "a name that somebody gave to an expectation ".repeat(4);
    let line = ExpectationResult { name: long.clone(), ..line("held from +1.0 s", Some(Finding::Pass)) };
    let text = format_report(&RunReport {
        expectations: vec![line],
        ..RunReport::without_verdict("x", "r", &[], long)
    });
    assert_fits(&text);
    assert!(text.contains("to an"), "{text}");
}

#[test]
fn operations_never_sent_are_listed_below_the_nodes() {
    let dropped_operations = [("testing", 8_200), ("recovery", 3)].into();
    let with = RunReport {
        nodes: NODES.map(node).to_vec(),
        dropped_operations,
        ..RunReport::without_verdict("x", "r", &[], String::new())
    };
    let text = format_report(&with);
    let line = "operations never sent, as no connection or worker was free: 8200 in testing, 3 in recovery\n";
    assert!(text.contains(line), "{text}");
    let none = format_report(&RunReport { dropped_operations: [].into(), ..with });
    assert!(!none.contains("never sent"), "{none}");
}

#[test]
fn a_reason_is_shown_once_with_all_queries() {
    let lines =
        vec![line("no data", Some(Finding::Inconclusive)), line("no data", Some(Finding::Inconclusive))];
    let text = format_report(&RunReport {
        expectations: lines,
        note: None,
        ..RunReport::without_verdict("x", "r", &[], String::new())
    });
    assert_eq!(text.matches("no data").count(), 1, "{text}");
    assert_eq!(text.matches("  up == 1\n").count(), 2, "{text}");
}

fn line(reason: &str, result: Option<Finding>) -> ExpectationResult {
    ExpectationResult {
        name: "x".into(),
        judges: "client",
        phase: "testing",
        must: "always".into(),
        result,
        reason: reason.into(),
        page: None,
        promql: "up == 1".into(),
    }
}

#[test]
fn a_node_that_was_not_hurt_has_nothing_to_recover_from() {
    let hurt = node("a");
    assert_eq!(
        describe_times(&hurt).as_deref(),
        Some("a: breaker opened after 12.35 s, recovered after 12.35 s")
    );
    let unknown_recovery = NodeReport { recovery: Recovery::Unknown, ..hurt.clone() };
    assert_eq!(describe_times(&unknown_recovery).as_deref(), Some("a: breaker opened after 12.35 s"));
    let unhurt = NodeReport { hurt: Some(false), time_to_detect_seconds: None, ..unknown_recovery };
    let not_hurt = "a: not hurt: no operation failed and the breaker did not change state";
    assert_eq!(describe_times(&unhurt).as_deref(), Some(not_hurt));
    assert_eq!(describe_times(&NodeReport { target: false, ..unhurt.clone() }), None);
    let unknown = NodeReport { hurt: None, ..unhurt };
    assert_eq!(describe_times(&unknown).as_deref(), Some("a: breaker not seen to open in testing"));
}
