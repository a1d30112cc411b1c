//! What scenarios may ask, and what they are told otherwise.

use super::*;

fn wrong(promql: &str) -> String {
    Query::new(promql, Yields::Truth).map_or_else(|error| error.to_string(), |query| format!("{query:?}"))
}

#[test]
fn false_must_not_be_no_data() {
    let open = "memcache_circuit_breaker_state{server=~\"$targets\"}";
    for sound in [
        format!("{open} == bool 2"),
        format!("({open} == bool 2)"),
        format!("{open} == bool 2 or {open} == bool 1"),
        format!("({open} == bool 2) * ({open} != bool 1)"),
        format!("max({open} == bool 2)"),
    ] {
        assert!(Query::new(&sound, Yields::Truth).is_ok(), "{sound}: {}", wrong(&sound));
        assert_eq!(Query::new(&sound, Yields::Number), Err(QueryError::NoNumber), "{sound}");
    }
    assert_eq!(
        wrong(&format!("{open} == 2")),
        "compares without `bool`: what is false would be no data; write `== bool`"
    );
    assert_eq!(wrong(&format!("({open} == 2) or ({open} > 1)")), wrong(&format!("{open} == 2")));
    for without in [open.to_owned(), "1".to_owned(), format!("sum({open} == bool 2)")] {
        assert_eq!(wrong(&without), "yields no 0 or 1: compare with `bool`", "{without}");
    }
    assert!(Query::new(open, Yields::Number).is_ok());
}

#[test]
fn what_is_misspelt_is_named_with_the_nearest_right_word() {
    assert_eq!(
        wrong("sum(rate(memcache_operation_total[5s])) > bool 1"),
        "unknown metric `memcache_operation_total`, did you mean `memcache_operations_total`?"
    );
    assert_eq!(
        wrong("memcahe_operations_total > bool 1"),
        "unknown metric `memcahe_operations_total`, did you mean `memcache_operations_total`?"
    );
    assert_eq!(
        wrong("server:memcache_error_ration:rate5s > bool 1"),
        "unknown metric `server:memcache_error_ration:rate5s`, did you mean `server:memcache_error_ratio:rate5s`?"
    );
    assert_eq!(
        wrong("memcache_operations_total{sever=\"a\"} > bool 1"),
        "unknown label `sever` of `memcache_operations_total`, did you mean `server`?"
    );
    assert_eq!(
        wrong("memcache_hits_total{server=~\"$target\"} > bool 1"),
        "`$target` is no placeholder, there are `$targets` and `$others`"
    );
    assert!(wrong("memcache_hits_total{ > bool 1").starts_with("cannot be parsed: "));
    // Another exporter's metrics are none of our business.
    for foreign in ["node_load1 > bool 4", "mycache_operation_total > bool 1"] {
        assert!(Query::new(foreign, Yields::Truth).is_ok(), "{foreign}");
    }
}

#[test]
fn nodes_are_filled_in_as_a_pattern() {
    let all = ["a.1", "b", "c"].map(str::to_owned);
    let targets = BTreeSet::from(["a.1".to_owned(), "c".to_owned()]);
    let nodes = Nodes { targets: &targets, all: &all };
    let fill = |promql: &str| Query::new(promql, Yields::Number).unwrap().fill(nodes).unwrap();
    let filled = fill("memcache_hits_total{server=~\"$targets\"}");
    assert_eq!(filled.promql, "memcache_hits_total{server=~\"a[.]1|c\"}");
    assert_eq!(filled.nodes, ["a.1", "c"]);
    let filled = fill("memcache_hits_total{server=~\"$others\"}");
    assert_eq!(
        (filled.promql.as_str(), filled.nodes),
        ("memcache_hits_total{server=~\"b\"}", vec!["b".into()])
    );
    let truth = "sum by (server) (rate(memcache_hits_total{server=~\"$targets\"}[5s])) > bool 3";
    assert_eq!(
        Query::new(truth, Yields::Truth).unwrap().compared(nodes).as_deref(),
        Some("sum by (server) (rate(memcache_hits_total{server=~\"a[.]1|c\"}[5s]))")
    );
    let all: Vec<String> = targets.iter().cloned().collect();
    let query = Query::new("memcache_hits_total{server=~\"$others\"}", Yields::Number).unwrap();
    assert_eq!(query.fill(Nodes { targets: &targets, all: &all }), None);
}

#[test]
fn a_query_knows_how_far_it_looks_back() {
    let second = Duration::from_secs(1);
    let lookback = |promql: &str| Query::new(promql, Yields::Number).unwrap().lookback(second);
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
