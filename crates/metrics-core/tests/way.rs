//! The query for the times of the probes, evaluated by promtool.

#![allow(clippy::expect_used, reason = "a test helper fails by panicking")]

use std::process::Command;

use metrics_core::families::machine::probe_buckets_without_scenario;
use testkit::program;

/// Evaluates the query after 150 s of two probes per second, beside this `scenario_active`. `expected` is a YAML list.
#[track_caller]
fn evaluates(active: &str, expected: &str) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("test.yml");
    let expr = probe_buckets_without_scenario("1m").replace('\'', "''");
    let series =
        r#"memcache_probe_duration_seconds_bucket{job="loadgen",server="a",address="dial",le="+Inf"}"#;
    let text = format!(
        "evaluation_interval: 1s\ntests:\n- interval: 1s\n  input_series:\n  - {{ series: '{series}', values: '0+2x200' }}\n  - {{ series: scenario_active, values: '{active}' }}\n  promql_expr_test:\n  - expr: '{expr}'\n    eval_time: 150s\n    exp_samples: {expected}\n"
    );
    std::fs::write(&file, text).expect("written");
    let output =
        Command::new(program("promtool")).args(["test", "rules"]).arg(&file).output().expect("promtool runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn probes_of_a_minute_without_a_scenario_are_counted() {
    evaluates("_x200", r#"[{ labels: '{address="dial", le="+Inf"}', value: 120 }]"#);
    evaluates("1x60 0x140", r#"[{ labels: '{address="dial", le="+Inf"}', value: 120 }]"#);
}

#[test]
fn probes_of_a_minute_with_a_scenario_are_not_counted() {
    evaluates("0x100 1x20 0x80", "[]");
    // A scenariod that has ended has no samples any more.
    evaluates("0x80 1x20 _x100", "[]");
}
