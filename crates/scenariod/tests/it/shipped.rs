//! The shipped catalogue's own expectations, each seen to fail on a client that lacks what it asks for. Scenarios are as
//! shipped, only walked faster.

use serde_json::Value;
use testkit::{Daemon, Lab, Prometheus, secs, workspace_bin};

use crate::harness::{BIN, clean_exit};
use crate::verdict::with_result;

pub(crate) const NEVER: &str = "1000000000";

/// Three nodes, the shipped rules and scrape interval, and this client.
pub(crate) fn lab(client: &[&str]) -> (Lab, Prometheus, Daemon) {
    let lab = Lab::start(3);
    let prometheus = lab.prometheus();
    let loadgen = lab.loadgen(workspace_bin("loadgen"), client);
    prometheus.wait_for("count(server:memcache_operations:rate5s offset 2s > 0)", secs(30), |series| {
        series.first().is_some_and(|count| count.value() == 3.0)
    });
    (lab, prometheus, loadgen)
}

/// Runs a shipped scenario and gives its exit code and its report.
#[track_caller]
pub(crate) fn run(lab: &Lab, prometheus: &Prometheus, scenario: &str, scale: &str) -> (i32, Value) {
    let url = prometheus.url();
    let args =
        ["--scenario", scenario, "--time-scale", scale, "--prometheus", &url, "--json", "--linger", "0s"];
    let daemon = lab.scenariod(BIN, args);
    let code = clean_exit(&daemon, &lab.toxiproxy);
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap();
    eprintln!("{scenario}: {code}: failed {:?}", with_result(&report["runs"][0], "fail"));
    (code, report["runs"][0].clone())
}

/// These failed, and the fault bit, so that the client is to blame.
#[track_caller]
fn fails(lab: &Lab, prometheus: &Prometheus, scenario: &str, scale: &str, names: &[&str]) {
    let (code, report) = run(lab, prometheus, scenario, scale);
    assert_eq!(code, 1, "{report:#}");
    let failed = with_result(&report, "fail");
    for name in names {
        assert!(failed.contains(name), "{name} in {failed:?}\n{report:#}");
    }
    for name in ["the client is well before the fault", "the fault has an effect"] {
        assert!(with_result(&report, "pass").contains(&name), "{name}\n{report:#}");
    }
}

#[test]
fn a_client_without_a_deadline_fails_a_partition_and_packet_loss() {
    // Four workers for all nodes: one that waits is missed by the others.
    let client = ["--concurrency", "4", "--rate", "800", "--op-timeout", "60s"];
    let (lab, prometheus, _loadgen) = lab(&client);
    fails(&lab, &prometheus, "packet-loss-10", "0.15", &["other nodes keep their throughput"]);
    let names = ["other nodes keep their throughput", "the breaker opens and stays open"];
    fails(&lab, &prometheus, "partition-one", "0.15", &names);
}

#[test]
fn a_client_without_a_breaker_fails_a_partition_and_one_with_a_hasty_breaker_packet_loss() {
    // Below the time of a retransmission, so that a lost packet is a failure.
    let load = ["--concurrency", "32", "--rate", "900", "--op-timeout", "200ms"];
    {
        let breaker = ["--breaker-consecutive-failures", NEVER, "--breaker-min-requests", NEVER];
        let (lab, prometheus, _loadgen) = lab(&[&load[..], &breaker].concat());
        fails(&lab, &prometheus, "partition-one", "0.15", &["the breaker opens and stays open"]);
    }
    // Open for moments only: enough operations are still sent to show that the fault has an effect.
    let hasty = ["--breaker-consecutive-failures", "1", "--breaker-open-timeout", "50ms"];
    let (lab, prometheus, _loadgen) = lab(&[&load[..], &hasty].concat());
    fails(&lab, &prometheus, "packet-loss-10", "0.15", &["the breaker stays closed"]);
}

#[test]
fn a_client_with_all_of_them_does_not_fail_what_the_others_do() {
    let (lab, prometheus, _loadgen) = lab(&["--concurrency", "32", "--rate", "300"]);
    for (scenario, names) in [
        ("packet-loss-10", ["other nodes keep their throughput", "the breaker stays closed"]),
        ("partition-one", ["other nodes keep their throughput", "the breaker opens and stays open"]),
    ] {
        let (_, report) = run(&lab, &prometheus, scenario, "0.1");
        let held = with_result(&report, "pass");
        assert!(names.iter().all(|name| held.contains(name)), "{held:?}\n{report:#}");
    }
}
