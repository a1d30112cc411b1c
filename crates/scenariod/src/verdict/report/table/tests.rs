//! Every scenario of the catalogue as a report at its widest.

use metrics_core::labels::RunStatus;

use super::*;
use crate::catalogue;
use crate::promql::Nodes;
use crate::verdict::judge::Judged;
use crate::verdict::report::Line;
use crate::verdict::report::summary::Summary;

const NODES: [&str; 3] = ["memcached1", "memcached2", "memcached3"];

fn figures(phase: &'static str) -> Figures {
    let counted = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), 123_456)).collect();
    Figures {
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
        p50: Some(Quantile::Above(120.0)),
        p99: Some(Quantile::Above(120.0)),
        lower_bounds: vec!["p50", "p99"],
        breaker_transitions: counted(&["closed>open", "open>half_open", "half_open>closed"]),
        wrong_values: Some(123_456),
        ..Figures::default()
    }
}

fn node(server: &str) -> Node {
    Node {
        server: server.to_owned(),
        target: true,
        hurt: Some(true),
        time_to_detect_seconds: Some(12.345),
        recovery: Recovery::After(12.345),
        phases: ["stabilization", "testing", "recovery"].map(figures).to_vec(),
    }
}

/// Whatever can become of its expectations, so many of each.
fn widest(scenario: &crate::scenario::Scenario, judged: &[Judged]) -> Report {
    let names = NODES.map(str::to_owned);
    let targets = names.iter().take(2).cloned().collect();
    let asked = |expectation: &crate::scenario::expectation::Expectation| {
        let filled = expectation.query.fill(Nodes { targets: &targets, all: &names });
        filled.map_or_else(String::new, |filled| filled.promql)
    };
    let lines = scenario.expect.iter().zip(judged.iter().cycle());
    Report {
        status: RunStatus::Inconclusive,
        note: None,
        expectations: lines
            .map(|(expect, judged)| Line::new(expect, asked(expect), judged.clone()))
            .collect(),
        nodes: NODES.map(node).to_vec(),
        ..Report::unjudged(&scenario.name, "mwq7za6uhs4", &[], String::new())
    }
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(COLUMNS), "{} columns:\n{text}", line.chars().count());
    }
}

#[test]
fn no_report_of_the_catalogue_is_wider_than_a_chat() {
    let passing =
        Judged { finding: Some(Finding::Pass), reason: "memcached3: 0.01 x before".into(), decided: None };
    let failing = Judged {
        finding: Some(Finding::Fail),
        reason: "the fault did nothing that shows: false at +123.0 s for memcached3 (was 0.0000)".into(),
        decided: None,
    };
    let scenarios = catalogue::scenarios(&catalogue::built_in()).unwrap();
    assert!(!scenarios.is_empty());
    for scenario in &scenarios {
        let all = [
            passing.clone(),
            failing.clone(),
            Judged::inconclusive("no data"),
            Judged::not_applicable("every node has a fault"),
        ];
        let passed = report(&widest(scenario, &all[..1]));
        fits(&passed);
        // What passes is not broken over lines either.
        let rows = passed.lines().filter(|line| line.starts_with("| pass")).count();
        assert_eq!(rows, scenario.expect.len(), "{passed}");
        let cells = passed.lines().filter(|line| line.starts_with('|')).count();
        assert_eq!(cells, 2 + 9 + 2 + rows, "{passed}");
        fits(&report(&widest(scenario, &all)));
        let mut summary = Summary::default();
        summary.add(&widest(scenario, &all));
        summary.add(&widest(scenario, &all));
        assert!(summary.table().lines().count() > 2);
        fits(&summary.table());
    }
}

#[test]
fn a_longer_name_breaks_its_cell_and_not_the_table() {
    let long = "a name that somebody gave to an expectation ".repeat(4);
    let line = Line { name: long.clone(), ..line("held from +1.0 s", Some(Finding::Pass)) };
    let text = report(&Report { expectations: vec![line], ..Report::unjudged("x", "r", &[], long) });
    fits(&text);
    assert!(text.contains("to an"), "{text}");
}

#[test]
fn what_was_never_sent_is_told_beside_the_nodes() {
    let dropped_operations = [("testing", 8_200), ("recovery", 3)].into();
    let with = Report {
        nodes: NODES.map(node).to_vec(),
        dropped_operations,
        ..Report::unjudged("x", "r", &[], String::new())
    };
    let text = report(&with);
    let line =
        "operations never sent, for want of a connection or a worker: 8200 in testing, 3 in recovery\n";
    assert!(text.contains(line), "{text}");
    let none = report(&Report { dropped_operations: [].into(), ..with });
    assert!(!none.contains("never sent"), "{none}");
}

#[test]
fn what_failed_is_told_once_with_its_query() {
    let lines =
        vec![line("no data", Some(Finding::Inconclusive)), line("no data", Some(Finding::Inconclusive))];
    let text =
        report(&Report { expectations: lines, note: None, ..Report::unjudged("x", "r", &[], String::new()) });
    assert_eq!(text.matches("no data").count(), 1, "{text}");
    assert_eq!(text.matches("  up == 1\n").count(), 2, "{text}");
}

fn line(reason: &str, result: Option<Finding>) -> Line {
    Line {
        name: "x".into(),
        judges: "client",
        phase: "testing",
        must: "always".into(),
        result,
        reason: reason.into(),
        promql: "up == 1".into(),
    }
}

#[test]
fn a_node_that_was_not_hurt_has_nothing_to_recover_from() {
    let hurt = node("a");
    assert_eq!(times(&hurt).as_deref(), Some("a: breaker opened after 12.35 s, recovered after 12.35 s"));
    let untold = Node { recovery: Recovery::Untold, ..hurt.clone() };
    assert_eq!(times(&untold).as_deref(), Some("a: breaker opened after 12.35 s"));
    let unhurt = Node { hurt: Some(false), time_to_detect_seconds: None, ..untold };
    let said = "a: not hurt: nothing failed and the breaker did not move";
    assert_eq!(times(&unhurt).as_deref(), Some(said));
    assert_eq!(times(&Node { target: false, ..unhurt.clone() }), None);
    let unknown = Node { hurt: None, ..unhurt };
    assert_eq!(times(&unknown).as_deref(), Some("a: breaker not seen to open in testing"));
}
