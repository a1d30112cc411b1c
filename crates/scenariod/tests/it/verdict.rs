//! Verdicts on a real client, read from a real Prometheus: every kind of expectation holds on a sound client and is seen
//! to fail on a broken one, and what cannot be known is inconclusive.

use std::time::Duration;

use fake_memcached::{FakeMemcached, Lie, When};
use serde_json::{Value, json};
use testkit::{Daemon, Lab, Prometheus, Signal, secs, workspace_bin};

use crate::guides;
use crate::harness::{await_phase, clean_exit, start, start_file};

/// One node is cut off. Windows of 1 s, as everything here is short; each kind of `must` once.
const CUT: &str = r#"
family: mine
phases: { stabilization: 1500ms, testing: 3s, recovery: 3s }
scenarios:
  - name: cut
    about: one node is cut off
    faults: [{ target: memcached1, fault: blackhole, direction: both }]
    expect:
      - name: bites
        judges: fault
        phase: testing
        must: { compare: { at_most: 0.5 } }
        promql: sum by (server) (rate(memcache_operation_service_seconds_bucket{le="0.1", server=~"$targets"}[1s]))
      - { name: within, phase: testing, must: { within: 2s }, promql: 'memcache_circuit_breaker_state{server=~"$targets"} != bool 0' }
      - { name: sometime, phase: testing, must: sometime, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 2' }
      - { name: at_end, phase: testing, must: at_end, promql: 'sum by (server) (rate(memcache_operations_total{server=~"$targets"}[1s])) > bool 1' }
      - { name: always, phase: testing, must: always, promql: 'sum by (server) (rate(memcache_operations_total{server=~"$others", status="success"}[1s])) > bool 1' }
      - { name: never, phase: testing, must: never, promql: 'sum(rate(memcache_operations_total[1s])) < bool 1' }
      - { name: compare, phase: testing, must: { compare: { at_least: 0.2 } }, promql: 'sum by (server) (rate(memcache_operations_total{server=~"$others"}[1s]))' }
"#;

/// What cannot be known, and what is known too early.
const UNCLEAR: &str = r#"
family: mine
phases: { stabilization: 1s, testing: 2s, recovery: 1s }
scenarios:
  - name: misspelt
    about: asks for what nobody exports
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    expect: [{ name: unknown, phase: testing, must: never, promql: mycache_operation_total > bool 0 }]
  - name: harmless
    about: does nothing that shows
    faults: [{ target: memcached1, fault: bandwidth, rate: 1000000 }]
    expect:
      - { name: bites, judges: fault, phase: testing, must: at_end, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 2' }
      - { name: holds, phase: testing, must: always, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 0' }
  - name: lonely
    about: leaves no node out
    faults: [{ target: all, fault: latency, delay: 20ms }]
    expect: [{ name: others, phase: testing, must: always, promql: 'memcache_circuit_breaker_state{server=~"$others"} == bool 0' }]
  - name: stopped
    about: ends as soon as it is slow
    phases: { testing: 60s }
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    stop_when: [{ name: it is slow, for: 1s, promql: 'sum(rate(memcache_operations_total[1s])) > bool 0' }]
  - name: watched
    about: would go on for long
    phases: { testing: 60s }
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    stop_when: [{ name: it is slow, for: 1h, promql: 'sum(rate(memcache_operations_total[1s])) > bool 0' }]
  - name: dying
    about: time enough to lose the client
    phases: { testing: 3s }
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    expect: [{ name: closed, phase: testing, must: always, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 0' }]
"#;

/// A client with timeouts closes what stalls and draws again, and keeps what is only slow. The delay on all connections
/// keeps all of them in use, so that the draw is not about a few.
const DRAWN: &str = r#"
family: mine
phases: { stabilization: 500ms, testing: 6s, recovery: 500ms }
scenarios:
  - name: discarded
    about: half of the connections to one node go silent
    faults:
      - { target: memcached1, fault: latency, delay: 60ms }
      - { target: memcached1, fault: blackhole, share: 0.5 }
    expect: [{ name: closed, phase: testing, must: always, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 0' }]
  - name: kept
    about: half of the connections to one node are slow
    phases: { testing: 4s }
    faults:
      - { target: memcached1, fault: latency, delay: 60ms }
      - { target: memcached1, fault: bandwidth, rate: 1, share: 0.5 }
    expect: [{ name: closed, phase: testing, must: always, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 0' }]
"#;

/// As every shipped scenario has it, with a window that fits the short phases.
const NO_WRONG_VALUE: &str = r#"
family: mine
phases: { stabilization: 1500ms, testing: 1500ms, recovery: 1500ms }
expect:
  - { name: no wrong value is read, phase: run, must: never, promql: 'sum by (server) (increase(memcache_corrupt_reads_total[1s])) > bool 0' }
scenarios:
  - { name: slow, about: one node is slow, faults: [{ target: memcached1, fault: latency, delay: 5ms }] }
"#;

const SCRAPE: Duration = Duration::from_millis(250);

pub(crate) fn load(lab: &Lab, more: &[&str]) -> Daemon {
    let args = ["--concurrency", "8", "--rate", "500", "--breaker-open-timeout", "500ms"];
    let loadgen = lab.loadgen(workspace_bin("loadgen"), args.iter().chain(more));
    loadgen.scrape_until("load", secs(20), |page| {
        page.sum("memcache_operations_total", [("status", "success")]) > 100.0
    });
    loadgen
}

/// A load on the lab, and a Prometheus that has seen it for a while.
pub(crate) fn watched(lab: &Lab, client: &[&str]) -> (Prometheus, Daemon) {
    let prometheus = Prometheus::start_every(SCRAPE, [("loadgen", lab.loadgen_addr)]);
    let loadgen = load(lab, client);
    prometheus.wait_for("memcache_hits_total offset 2s", secs(20), |series| !series.is_empty());
    (prometheus, loadgen)
}

/// Runs a scenario and gives its exit code and its report.
#[track_caller]
fn run(lab: &Lab, prometheus: &str, text: &str, scenario: &str) -> (i32, Value, String) {
    let daemon = start_file(lab, scenario, text, &["--prometheus", prometheus, "--json"]);
    let code = clean_exit(&daemon, &lab.toxiproxy);
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap();
    (code, report["runs"][0].clone(), daemon.stderr())
}

/// The expectations with this result.
pub(crate) fn with_result<'a>(report: &'a Value, result: &str) -> Vec<&'a str> {
    let lines = report["expectations"].as_array().unwrap().iter();
    lines.filter(|line| line["result"] == result).map(|line| line["name"].as_str().unwrap()).collect()
}

#[test]
fn every_kind_of_expectation_holds_on_a_sound_client_and_fails_on_a_broken_one() {
    let lab = Lab::start(2);
    let (prometheus, sound) = watched(&lab, &["--op-timeout", "100ms"]);
    let (code, report, stderr) = run(&lab, &prometheus.url(), CUT, "cut");
    assert_eq!(code, 0, "{stderr}{report:#}");
    assert_eq!(with_result(&report, "pass").len(), 7, "{report:#}");
    guides::compares(&json!({ "runs": [report] }));
    let node = &report["nodes"][0];
    assert_eq!((node["server"].as_str(), node["target"].as_bool()), (Some("memcached1"), Some(true)));
    let detected = node["time_to_detect_seconds"].as_f64().unwrap();
    assert!((0.05..3.0).contains(&detected), "{detected}");
    assert!(node["time_to_recover_seconds"].as_f64().unwrap() < 3.0, "{node:#}");
    assert_eq!(report["dropped_operations"]["stabilization"], Value::Null, "{report:#}");
    let testing = &node["phases"][1];
    assert!(testing["breaker_transitions"]["closed>open"].as_u64() >= Some(1), "{testing:#}");
    assert!(testing["errors"]["breaker_open"].as_u64() > Some(0), "{testing:#}");
    sound.signal(Signal::TERM);
    assert_eq!(sound.wait_exit(secs(10)), 0, "{}", sound.stderr());

    // It waits for ever, with a breaker that never opens.
    let never = "1000000000";
    let broken = load(
        &lab,
        &["--op-timeout", "60s", "--breaker-consecutive-failures", never, "--breaker-min-requests", never],
    );
    prometheus.wait_for("memcache_hits_total offset 2s", secs(20), |series| !series.is_empty());
    let (code, report, stderr) = run(&lab, &prometheus.url(), CUT, "cut");
    assert_eq!(code, 1, "{stderr}{report:#}");
    assert_eq!(with_result(&report, "pass"), ["bites"], "{report:#}");
    assert_eq!(
        with_result(&report, "fail"),
        ["within", "sometime", "at_end", "always", "never", "compare"],
        "{report:#}"
    );
    assert!(stderr.contains("fail: within: false at +2."), "{stderr}");
    // All of its workers wait: what was due is not sent, and shows.
    assert!(report["dropped_operations"]["testing"].as_u64() > Some(500), "{report:#}");
    assert!(stderr.contains(" s for memcached1 (was 0.0000)"), "{stderr}");
    broken.kill();
}

#[test]
fn what_cannot_be_known_is_inconclusive_and_what_is_seen_in_time_stops_the_run() {
    let lab = Lab::start(2);
    lab.set("scenariod.stop_grace", "1s");
    let (prometheus, loadgen) = watched(&lab, &[]);
    let url = prometheus.url();

    let (code, report, stderr) = run(&lab, &url, UNCLEAR, "misspelt");
    assert_eq!((code, with_result(&report, "inconclusive")), (3, vec!["unknown"]), "{stderr}");
    assert!(stderr.contains("inconclusive: unknown: no data"), "{stderr}");

    let (code, report, stderr) = run(&lab, &url, UNCLEAR, "harmless");
    assert_eq!((code, with_result(&report, "pass")), (3, vec!["holds"]), "{stderr}");
    assert!(stderr.contains("bites: the fault had no visible effect: false at +"), "{stderr}");

    let (code, report, stderr) = run(&lab, &url, UNCLEAR, "lonely");
    assert_eq!((code, with_result(&report, "not applicable")), (0, vec!["others"]), "{stderr}");

    let (code, report, stderr) = run(&lab, &url, UNCLEAR, "stopped");
    assert_eq!((code, report["status"].as_str()), (1, Some("failed")), "{stderr}");
    assert!(
        stderr
            .contains("failed: stopped early, no toxic is left: stop condition `it is slow` was true for 1s"),
        "{stderr}"
    );

    // Nobody answers there: the fault does not stay on unwatched.
    let (code, _, stderr) = run(&lab, "http://127.0.0.1:1", UNCLEAR, "watched");
    assert_eq!(code, 3, "{stderr}");
    assert!(
        stderr.contains(
            "stopped early, no toxic is left: stop condition `it is slow` could not be read for 1s"
        ),
        "{stderr}"
    );

    let daemon = start_file(&lab, "dying", UNCLEAR, &["--prometheus", &url]);
    await_phase(&daemon, "dying", 2);
    loadgen.kill();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    // With the moment, or without one where it died before the first sample of the phase.
    let why = "inconclusive: closed: the load generator did not answer";
    assert!(daemon.stderr().contains(why), "{}", daemon.stderr());
    // Of what nobody saw nothing is claimed.
    let (code, report, stderr) = run(&lab, &url, UNCLEAR, "harmless");
    let warned =
        "warning: no verdict is possible at present: the load generator does not answer prometheus\n";
    assert!(stderr.contains(warned), "{stderr}");
    assert_eq!((code, report["expectations"].as_array().map(Vec::len)), (3, Some(0)), "{stderr}");
    let why = "no verdict: the load generator answered no scrape during the run";
    assert_eq!(report["note"].as_str(), Some(why), "{stderr}");
}

#[test]
fn a_wrong_value_fails_a_run_that_nothing_else_is_wrong_with() {
    let (lab, server) = (Lab::start(1), FakeMemcached::start().unwrap());
    // The second node answers as memcached does until it is told to lie, and stands behind the same Toxiproxy.
    lab.toxiproxy.add_proxy("memcached2", "127.0.0.1:0", server.addr());
    let listens = ["memcached1", "memcached2"].map(|name| format!("{name}={}", lab.toxiproxy.listen(name)));
    let (prometheus, _loadgen) = watched(&lab, &["--servers", &listens.join(",")]);

    let (code, report, stderr) = run(&lab, &prometheus.url(), NO_WRONG_VALUE, "slow");
    assert_eq!((code, with_result(&report, "pass").len()), (0, 1), "{stderr}{report:#}");

    server.add_lie(Lie::Flip, When::Every(20));
    let (code, report, stderr) = run(&lab, &prometheus.url(), NO_WRONG_VALUE, "slow");
    assert!(server.lie_count(Lie::Flip) > 0, "{stderr}");
    assert_eq!(
        (code, with_result(&report, "fail")),
        (1, vec!["no wrong value is read"]),
        "{stderr}{report:#}"
    );
    assert!(stderr.contains(" for memcached2 (was "), "{stderr}");
}

#[test]
fn a_fault_on_a_share_of_the_connections_counts_only_while_it_lasts() {
    let lab = Lab::start(2);
    let prometheus = Prometheus::start_every(SCRAPE, [("loadgen", lab.loadgen_addr)]);
    let never = "1000000000";
    // A closed loop, most of it waiting for the slow node.
    let client = ["--concurrency", "16", "--think-time", "1ms", "--op-timeout", "250ms"];
    let patient = ["--breaker-consecutive-failures", never, "--breaker-min-requests", never];
    let _loadgen = lab.loadgen(workspace_bin("loadgen"), client.iter().chain(&patient));
    prometheus.wait_for("memcache_hits_total offset 2s", secs(20), |series| !series.is_empty());

    let (code, report, stderr) = run(&lab, &prometheus.url(), DRAWN, "discarded");
    assert_eq!((code, with_result(&report, "pass")), (3, vec!["closed"]), "{stderr}{report:#}");
    let share = &report["shares"][0];
    assert_eq!((share["server"].as_str(), share["asked"].as_f64()), (Some("memcached1"), Some(0.5)));
    assert!(share["at_start"]["affected"].as_f64() > Some(0.0), "{share:#}");
    assert_eq!(
        (share["at_end"]["affected"].as_f64(), share["result"].as_str()),
        (Some(0.0), Some("died_out"))
    );
    assert!(share["at_end"]["operations"].as_f64() > Some(0.0), "{share:#}");
    assert!(stderr.contains("the fault on a share of memcached1 died out"), "{stderr}");

    let (code, report, stderr) = run(&lab, &prometheus.url(), DRAWN, "kept");
    assert_eq!((code, report["shares"][0]["result"].as_str()), (0, Some("lasted")), "{stderr}{report:#}");
}

#[test]
fn without_a_prometheus_all_phases_are_walked_and_nothing_is_claimed() {
    let lab = Lab::start(2);
    let daemon = start(&lab, "slow", &["--prometheus", "http://me:secret@127.0.0.1:1"]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let stderr = daemon.stderr();
    let says = "inconclusive: all phases completed, no toxic is left; no verdict: prometheus at http://127.0.0.1:1 does not answer";
    assert!(stderr.contains(says), "{stderr}");
    for phase in ["stabilization", "testing", "recovery"] {
        assert!(stderr.contains(&format!(": {phase} for ")), "{stderr}");
    }
    assert!(!stderr.contains("secret") && !daemon.stdout().contains("secret"), "{stderr}");
    let daemon = start(&lab, "slow", &["--no-verdict"]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    let says = "no verdict: the phases are walked and nothing is judged";
    assert!(daemon.stderr().contains(says), "{}", daemon.stderr());
}
