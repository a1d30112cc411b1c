//! Which queries scenarios may use, and the messages for others.

use std::collections::BTreeSet;

use super::*;

fn error_of(promql: &str) -> String {
    Query::new(promql, ValueKind::Truth).map_or_else(|error| error.to_string(), |query| format!("{query:?}"))
}

#[test]
fn comparisons_need_bool() {
    let open = "memcache_circuit_breaker_state{server=~\"$targets\"}";
    for valid in [
        format!("{open} == bool 2"),
        format!("({open} == bool 2)"),
        format!("{open} == bool 2 or {open} == bool 1"),
        format!("({open} == bool 2) * ({open} != bool 1)"),
        format!("max({open} == bool 2)"),
    ] {
        assert!(Query::new(&valid, ValueKind::Truth).is_ok(), "{valid}: {}", error_of(&valid));
        assert_eq!(Query::new(&valid, ValueKind::Number), Err(QueryError::NotNumber), "{valid}");
    }
    assert_eq!(
        error_of(&format!("{open} == 2")),
        "must compare with `== bool`: without `bool`, false means no data"
    );
    assert_eq!(error_of(&format!("({open} == 2) or ({open} > 1)")), error_of(&format!("{open} == 2")));
    for without in [open.to_owned(), "1".to_owned(), format!("sum({open} == bool 2)")] {
        assert_eq!(error_of(&without), "must return 0 or 1: compare with `bool`", "{without}");
    }
    assert!(Query::new(open, ValueKind::Number).is_ok());
}

#[test]
fn typos_are_reported_with_a_suggestion() {
    assert_eq!(
        error_of("sum(rate(memcache_operation_total[5s])) > bool 1"),
        "has an unknown metric `memcache_operation_total`, did you mean `memcache_operations_total`?"
    );
    assert_eq!(
        error_of("memcahe_operations_total > bool 1"),
        "has an unknown metric `memcahe_operations_total`, did you mean `memcache_operations_total`?"
    );
    assert_eq!(
        error_of("server:memcache_error_ration:rate5s > bool 1"),
        "has an unknown metric `server:memcache_error_ration:rate5s`, did you mean `server:memcache_error_ratio:rate5s`?"
    );
    assert_eq!(
        error_of("memcache_operations_total{sever=\"a\"} > bool 1"),
        "has an unknown label `sever` of `memcache_operations_total`, did you mean `server`?"
    );
    assert_eq!(
        error_of("memcache_hits_total{server=~\"$target\"} > bool 1"),
        "has an unknown placeholder `$target`, must be `$targets`, `$others` or a position such as `$node1`"
    );
    for unknown in ["$node", "$node0", "$nodes", "$"] {
        let said = error_of(&format!("memcache_hits_total{{server=~\"{unknown}\"}} > bool 1"));
        assert!(said.starts_with(&format!("has an unknown placeholder `{unknown}`, ")), "{said}");
    }
    assert!(error_of("memcache_hits_total{ > bool 1").starts_with("cannot be parsed: "));
    // Metrics of other exporters are not checked.
    for foreign in ["node_load1 > bool 4", "mycache_operation_total > bool 1"] {
        assert!(Query::new(foreign, ValueKind::Truth).is_ok(), "{foreign}");
    }
}

#[test]
fn placeholders_are_replaced_by_patterns_of_nodes() {
    let all = ["a.1", "b", "c"].map(str::to_owned);
    let targets = BTreeSet::from(["a.1".to_owned(), "c".to_owned()]);
    let nodes = Nodes { targets: &targets, all: &all };
    let fill = |promql: &str| Query::new(promql, ValueKind::Number).unwrap().fill(nodes).unwrap();
    let filled = fill("memcache_hits_total{server=~\"$targets\"}");
    assert_eq!(filled.promql, "memcache_hits_total{server=~\"a[.]1|c\"}");
    assert_eq!(filled.nodes, ["a.1", "c"]);
    let filled = fill("memcache_hits_total{server=~\"$others\"}");
    assert_eq!(
        (filled.promql.as_str(), filled.nodes),
        ("memcache_hits_total{server=~\"b\"}", vec!["b".into()])
    );
    // `$node2` is no prefix of `$node12`.
    let filled = fill("memcache_hits_total{server=~\"$node2|$node12|$node1\"}");
    assert_eq!(filled.promql, "memcache_hits_total{server=~\"b||a[.]1\"}");
    let second = Query::new("memcache_hits_total{server=~\"$node2\"}", ValueKind::Number).unwrap();
    assert_eq!((second.nodes_needed(), second.fill(nodes).unwrap().nodes), (2, vec!["b".to_owned()]));
    let truth = "sum by (server) (rate(memcache_hits_total{server=~\"$targets\"}[5s])) > bool 3";
    assert_eq!(
        Query::new(truth, ValueKind::Truth).unwrap().compared_value(nodes).as_deref(),
        Some("sum by (server) (rate(memcache_hits_total{server=~\"a[.]1|c\"}[5s]))")
    );
    let all: Vec<String> = targets.iter().cloned().collect();
    let query = Query::new("memcache_hits_total{server=~\"$others\"}", ValueKind::Number).unwrap();
    assert_eq!(query.fill(Nodes { targets: &targets, all: &all }), None);
}

#[test]
fn a_query_knows_how_far_it_looks_back() {
    let second = Duration::from_secs(1);
    let lookback = |promql: &str| Query::new(promql, ValueKind::Number).unwrap().lookback(second);
    assert_eq!(lookback("memcache_circuit_breaker_state"), second);
    assert_eq!(lookback("rate(memcache_operations_total[3s])"), second * 3);
    assert_eq!(lookback("server:memcache_error_ratio:rate5s"), second * 6);
    assert_eq!(lookback("server:memcache_operation_duration_seconds:p99_5s"), second * 6);
    assert_eq!(
        lookback("rate(memcache_operations_total[3s]) / memcache_operations_total offset 7s"),
        second * 8
    );
    assert_eq!(lookback("max_over_time(server:memcache_error_ratio:rate5s[4s])"), second * 10);
}

#[test]
fn a_range_must_hold_the_samples_that_its_function_needs() {
    let sparse = |promql: &str, millis: u64| {
        let query = Query::new(promql, ValueKind::Number).unwrap();
        query.find_sparse(Duration::from_millis(millis)).map(|sparse| sparse.to_string())
    };
    let rate = "sum by (server) (rate(memcache_operations_total[3s]))";
    assert_eq!(sparse(rate, 1_500), None);
    assert_eq!(sparse(rate, 2_000).unwrap(), "needs 2 samples in 3s, but Prometheus scrapes every 2s");
    assert_eq!(sparse("server:memcache_error_ratio:rate5s", 2_500), None);
    let recorded = "needs 2 samples in 5s, but Prometheus scrapes every 5s";
    assert_eq!(sparse("server:memcache_error_ratio:rate5s", 5_000).as_deref(), Some(recorded));
    assert_eq!(
        sparse("max_over_time(server:memcache_error_ratio:rate5s[1m])", 5_000).as_deref(),
        Some(recorded)
    );
    // One sample is enough for a maximum, and for a gauge without a range.
    let most = "max_over_time(memcache_circuit_breaker_state[5s])";
    assert_eq!(sparse(most, 5_000), None);
    assert_eq!(sparse(most, 15_000).unwrap(), "needs 1 sample in 5s, but Prometheus scrapes every 15s");
    assert_eq!(sparse("memcache_circuit_breaker_state", 60_000), None);
    // The rate in a subquery, the subquery itself, and a step of its own.
    let inner = "max_over_time(rate(memcache_operations_total[4s])[30s:])";
    assert_eq!(sparse(inner, 15_000).unwrap(), "needs 2 samples in 4s, but Prometheus scrapes every 15s");
    let outer = "deriv(memcache_circuit_breaker_state[30s:20s])";
    assert_eq!(sparse(outer, 1_000).unwrap(), "needs 2 samples in 30s, but its subquery has a step of 20s");
    let own_step = "min_over_time(memcache_circuit_breaker_state[30s:])";
    assert_eq!(sparse(own_step, 31_000).unwrap(), "needs 1 sample in 30s, but Prometheus scrapes every 31s");
    // Nobody knows how often another exporter is scraped.
    assert_eq!(sparse("rate(node_cpu_seconds_total[3s])", 5_000), None);
}
