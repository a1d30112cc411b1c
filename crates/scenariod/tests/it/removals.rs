//! Removals that are confirmed but not carried out, that a signal or the end of testing overtakes, or that are undone later,
//! and the order that does not wedge Toxiproxy.

use std::time::Duration;

use serde_json::json;
use testkit::{
    Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, report, scale, secs, workspace_bin,
};

use crate::harness::{await_phase, clean_exit, ours, start, start_file};

/// A latency that is on for the first second of testing only.
const ONCE: &str = "\
family: own
phases: { stabilization: 50ms, testing: 2500ms, recovery: 50ms }
scenarios:
  - name: once
    about: x
    faults: [{ target: memcached1, fault: latency, delay: 100ms, shape: { flap: { on: 1s, off: 10s } } }]
";

fn journal(lab: &Lab) -> String {
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap().flatten();
    journals.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
}

/// Whether Toxiproxy was read after the last removal.
fn read_after_removal(fake: &FakeToxiproxy) -> bool {
    let asked = fake.requests();
    let last = |method: &str| asked.iter().rposition(|request| request.starts_with(method));
    last("GET") > last("DELETE")
}

#[test]
fn a_removal_that_is_only_confirmed_leaves_nothing() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let pretence = fake.misbehave(Rule::on("DELETE", "/toxics").nth(1), Misbehaviour::Refuse(204));
    let daemon = start_file(&lab, "once", ONCE, &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    assert_eq!(pretence.caught(), 1);
    assert!(daemon.stderr().contains("but still has it"), "{}", daemon.stderr());
    assert!(journal(&lab).contains(r#""kind":"removed""#), "{}", journal(&lab));
}

#[test]
fn a_signal_during_a_removal_still_reads_back() {
    for pretend in [true, false] {
        let lab = Lab::start(1);
        let fake = FakeToxiproxy::before(&lab.toxiproxy);
        let delete = Rule::on("DELETE", "/toxics").nth(1);
        let slow = if pretend { Misbehaviour::Refuse(204) } else { Misbehaviour::Slow(secs(2)) };
        let trap = fake.misbehave(delete, slow);
        let daemon = start_file(&lab, "once", ONCE, &["--toxiproxy", &fake.url()]);
        trap.wait_caught(secs(20));
        daemon.signal(Signal::INT);
        let code = clean_exit(&daemon, &lab.toxiproxy);
        // The signal may come after the reading back has shown that nothing was removed.
        assert!(code == 130 || pretend && code == 3, "{code}\n{}", daemon.stderr());
        assert!(read_after_removal(&fake), "{:#?}", fake.requests());
        assert!(journal(&lab).contains(r#""kind":"removed""#), "{}", journal(&lab));
    }
}

#[test]
fn testing_that_ends_during_a_removal_leaves_nothing() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let delete = Rule::on("DELETE", "/toxics").nth(1);
    let trap = fake.misbehave(delete, Misbehaviour::Slow(secs(2)));
    let daemon = start_file(&lab, "once", ONCE, &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(trap.caught(), 1);
    assert!(read_after_removal(&fake), "{:#?}", fake.requests());
    assert!(journal(&lab).contains(r#""kind":"removed""#), "{}", journal(&lab));
}

#[test]
fn a_fault_that_comes_back_in_recovery_is_removed() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &["--time-scale", "2"]);
    eventually("the toxics", secs(20), || !ours(&lab.toxiproxy).is_empty());
    let toxic = ours(&lab.toxiproxy)[0].strip_prefix("memcached1/").unwrap().to_owned();
    await_phase(&daemon, "long", 3);
    let toxic_again = json!({ "name": toxic, "type": "latency", "attributes": { "latency": 5 } });
    lab.toxiproxy.add_toxic("memcached1", &toxic_again.to_string());
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let says = format!("{toxic} of this run is on memcached1 although it should be off");
    assert!(daemon.stderr().contains(&says), "{}", daemon.stderr());
}

/// Slower than a probe, but fast enough to count as responsive.
const SLOW: Misbehaviour = Misbehaviour::Slow(Duration::from_millis(1_300));

#[test]
fn a_fault_that_comes_back_at_a_slow_toxiproxy_is_removed() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let daemon = start(&lab, "long", &["--time-scale", "3", "--toxiproxy", &fake.url()]);
    eventually("the toxics", secs(20), || !ours(&lab.toxiproxy).is_empty());
    let toxic = ours(&lab.toxiproxy)[0].strip_prefix("memcached1/").unwrap().to_owned();
    await_phase(&daemon, "long", 3);
    fake.misbehave(Rule::on("GET", "/proxies"), SLOW);
    let toxic_again = json!({ "name": toxic, "type": "latency", "attributes": { "latency": 5 } });
    lab.toxiproxy.add_toxic("memcached1", &toxic_again.to_string());
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
}

#[test]
fn a_fault_that_is_on_despite_a_refusal_is_removed() {
    for look in [SLOW, Misbehaviour::Refuse(500), Misbehaviour::Hangup] {
        let lab = Lab::start(1);
        let fake = FakeToxiproxy::before(&lab.toxiproxy);
        let post = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::Misreport(400));
        // The first reading is the preflight's, the second one comes at the end of stabilization, the third after the refusal.
        fake.misbehave(Rule::on("GET", "/proxies").nth(3), look);
        let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4, "{look:?}\n{}", daemon.stderr());
        assert_eq!(post.caught(), 1, "{look:?}");
    }
}

/// Toxics that close connections behind toxics that hold bytes back. Removed in the wrong order they wedge Toxiproxy.
fn closing(flaps: u64) -> String {
    let length = flaps * 500;
    let shape = "shape: { flap: { on: 400ms, off: 100ms } }";
    format!(
        "family: own\nphases: {{ stabilization: 50ms, testing: {length}ms, recovery: 50ms }}\nscenarios:\n  - name: \
         closing\n    about: x\n    faults:\n      - {{ target: memcached1, fault: latency, delay: 60ms, direction: \
         both, {shape} }}\n      - {{ target: memcached1, fault: blackhole, share: 0.5, direction: both, {shape} }}\n"
    )
}

#[test]
fn removing_toxics_that_close_connections_does_not_wedge_toxiproxy() {
    let flaps = scale(10, 200);
    let lab = Lab::start(1);
    let never = "1000000000";
    let client = ["--concurrency", "16", "--think-time", "1ms", "--op-timeout", "250ms"];
    let patient = ["--breaker-consecutive-failures", never, "--breaker-min-requests", never];
    let loadgen: Daemon = lab.loadgen(workspace_bin("loadgen"), client.iter().chain(&patient));
    loadgen.scrape_until("load", secs(20), |page| {
        page.sum("memcache_operations_total", [("status", "success")]) > 100.0
    });
    let daemon = start_file(&lab, "closing", &closing(flaps), &[]);
    let code = daemon.wait_exit(Duration::from_millis(flaps * 500) + secs(60));
    assert_eq!((code, ours(&lab.toxiproxy)), (0, Vec::new()), "{}", daemon.stderr());
    report(
        "connections closed under others that hold bytes back",
        [format!("{flaps} removals, none wedged")],
    );
}
