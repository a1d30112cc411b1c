//! Verdicts beside other work on this machine. `just soak-busy` has the long form, with more scenarios and more neighbours.

use serde_json::Value;
use testkit::{BusyMachine, Neighbour};

use crate::harness::{clean_exit, start_file};
use crate::shipped::{NEVER, lab, run};
use crate::verdict::{watched, with_result};

/// A client may be slow beside four loops, but the machine is not its fault.
#[test]
fn a_sound_client_beside_four_busy_loops_is_not_failed() {
    let (lab, prometheus, _loadgen) = lab(&["--rate", "300"]);
    let _busy = BusyMachine::start(Neighbour::Loops(4), lab.folder()).unwrap();
    let (code, report) = run(&lab, &prometheus, "packet-loss-100", "0.15");
    assert_ne!(code, 1, "{report:#}");
    let waits = &report["machine"]["testing"]["loadgen_waits"]["mean"];
    assert!(waits.as_f64().is_some_and(|share| share > 0.0), "{report:#}");
}

#[test]
fn a_client_without_a_breaker_fails_beside_four_busy_loops() {
    let breaker = ["--breaker-consecutive-failures", NEVER, "--breaker-min-requests", NEVER];
    let load = ["--rate", "300", "--op-timeout", "200ms"];
    let (lab, prometheus, _loadgen) = lab(&[&load[..], &breaker].concat());
    let _busy = BusyMachine::start(Neighbour::Loops(4), lab.folder()).unwrap();
    // Eight of ten runs fail. Beside the other tests, one run may have no healthy baseline.
    let failed = (0..3).any(|_| {
        let (code, report) = run(&lab, &prometheus, "partition-one", "0.15");
        assert_ne!(code, 0, "{report:#}");
        code == 1 && with_result(&report, "fail").contains(&"the breaker opens and stays open")
    });
    assert!(failed, "no run failed");
}

/// Its client fails within the limits of no shortage: nothing listens at the one node.
const UNKNOWN: &str = "\
family: mine
phases: { stabilization: 500ms, testing: 1s, recovery: 500ms }
scenarios:
  - name: unknown
    about: asks for a metric that does not exist
    faults: [{ target: memcached1, fault: latency, delay: 5ms }]
    expect: [{ name: unknown, phase: testing, must: never, promql: mycache_operation_total > bool 0 }]
";

#[test]
fn an_inconclusive_run_is_repeated_and_every_attempt_is_kept() {
    let lab = testkit::Lab::start(1);
    let (prometheus, _loadgen) = watched(&lab, &[]);
    let url = prometheus.url();
    let args = ["--prometheus", &url, "--json", "--retry-inconclusive", "2"];
    let daemon = start_file(&lab, "unknown", UNKNOWN, &args);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap();
    let runs = report["runs"].as_array().unwrap();
    let earlier = |run: &Value| run["earlier_attempts"].as_array().map(Vec::len);
    assert_eq!(runs.iter().map(earlier).collect::<Vec<_>>(), [Some(0), Some(1), Some(2)], "{report:#}");
    let names: Vec<&str> = runs.iter().map(|run| run["run"].as_str().unwrap()).collect();
    let verdict = format!("attempt 3, inconclusive before: run {}, run {}\n", names[0], names[1]);
    assert!(daemon.stderr().contains(&verdict), "{}", daemon.stderr());
    assert_eq!(runs[2]["expectations"][0]["page"], "docs/verdicts.md#data-is-missing");
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap().count();
    assert_eq!(journals, 3);
}
