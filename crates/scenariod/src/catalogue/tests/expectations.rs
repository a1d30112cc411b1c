//! The expectations of the shipped scenarios, and the messages about wrong ones.

use super::{HEAD, problems};
use crate::catalogue::Catalogue;
use crate::scenario::During;
use crate::scenario::expectation::{Expectation, Must, Subject};

fn of(catalogue: &Catalogue, name: &str) -> Vec<Expectation> {
    catalogue.scenarios().iter().find(|scenario| scenario.name == name).unwrap().expect.clone()
}

#[test]
fn every_shipped_scenario_has_expectations_with_valid_queries() {
    for scenario in crate::catalogue::library::Library::load(None).unwrap().catalogue.scenarios() {
        let name = &scenario.name;
        let held = |what: &str| scenario.expect.iter().any(|expectation| expectation.name == what);
        assert!(scenario.expect.len() >= 2, "{name}");
        assert!(held("the client is well before the fault") && held("no wrong value is read"), "{name}");
        assert!(held("errors end once the fault is gone"), "{name}");
        assert!(held("other nodes stay clean") && held("other nodes keep their throughput"), "{name}");
        let own = scenario.expect.iter().filter(|expectation| expectation.during == During::Testing).count();
        assert!(own > 2, "{name} is held to nothing of its own");
        for expectation in &scenario.expect {
            assert_eq!(expectation.query.foreign(), Vec::<String>::new(), "{name}: {}", expectation.name);
        }
    }
}

#[test]
fn each_fault_has_the_expectation_of_the_breaker_that_suits_it() {
    let catalogue = crate::catalogue::library::Library::load(None).unwrap().catalogue;
    let partition = catalogue.scenarios().iter().filter(|scenario| scenario.family == "partition");
    let cut_off = partition.map(|scenario| scenario.name.as_str());
    for name in cut_off.chain(["packet-loss-100", "two-nodes-loss"]) {
        let opens = |e: &Expectation| {
            e.name == "the breaker opens and stays open" && matches!(e.must, Must::Within(_))
        };
        let expect = of(&catalogue, name);
        assert!(expect.iter().any(opens), "{name}");
        assert!(expect.iter().any(|e| e.name == "the breaker closes again"), "{name}");
        assert!(expect.iter().any(|e| e.subject == Subject::Fault), "{name}");
    }
    for rate in [2, 5, 10, 20] {
        let expect = of(&catalogue, &format!("packet-loss-{rate}"));
        let closed = |e: &Expectation| e.name == "the breaker stays closed" && e.must == Must::Always;
        assert!(expect.iter().any(closed), "{rate}");
        assert!(expect.iter().any(|e| e.subject == Subject::Fault), "{rate}");
    }
}

#[test]
fn a_wrong_expectation_is_reported_with_its_line() {
    let with = |line: &str| {
        problems(&format!(
            "{HEAD}  - name: a\n    about: b\n    faults: [{{ target: m, fault: down }}]\n    expect:\n      - {line}\n"
        ))
    };
    let says =
        |line: &str, message: &str| assert_eq!(with(line), format!("mine.yaml:8: {message}"), "{line}");
    let promql = "promql: memcache_circuit_breaker_state == bool 2";
    says(
        "{ name: x, phase: testing, must: always, promql: memcache_circuit_breaker_state == 2 }",
        "`promql` must compare with `== bool`: without `bool`, false means no data",
    );
    says(
        "{ name: x, phase: testing, must: always, promql: memcache_circuit_braker_state == bool 2 }",
        "`promql` has an unknown metric `memcache_circuit_braker_state`, did you mean `memcache_circuit_breaker_state`?",
    );
    says(
        &format!("{{ name: x, phase: testin, must: always, {promql} }}"),
        "unknown phase `testin`, did you mean `testing`? (one of stabilization, testing, recovery, run)",
    );
    says(
        &format!("{{ name: x, phase: testing, must: allways, {promql} }}"),
        "unknown must `allways`, did you mean `always`? (one of always, never, sometime, at_end, `{ compare: ... }`, `{ within: ... }`)",
    );
    says(
        &format!("{{ name: x, phase: testing, must: within 5s, {promql} }}"),
        "unknown must `within 5s` (one of always, never, sometime, at_end, `{ compare: ... }`, `{ within: ... }`)",
    );
    says(
        &format!("{{ name: x, phase: testing, must: {{ within: 5 }}, {promql} }}"),
        "`within` must be a duration like `30s`, found `5`",
    );
    says(
        &format!("{{ name: x, phase: testing, must: {{ compare: {{ at_least: -1 }} }}, {promql} }}"),
        "`compare` needs `at_least`, `at_most` or both, as factors from 0",
    );
    says(
        &format!("{{ name: x, phase: run, must: {{ compare: {{ at_least: 1 }} }}, {promql} }}"),
        "`compare` compares testing or recovery with stabilization: `phase` must be one of these two",
    );
    let twice = format!("{{ name: x, phase: testing, must: always, {promql} }}");
    assert_eq!(with(&format!("{twice}\n      - {twice}")), "mine.yaml:9: duplicate expectation `x`");
    let stop = problems(&format!(
        "{HEAD}  - name: a\n    about: b\n    faults: [{{ target: m, fault: down }}]\n    stop_when:\n      - {{ name: x, for: 0s, {promql} }}\n"
    ));
    assert_eq!(stop, "mine.yaml:8: `for` is `0s`: must be longer than zero");
}
