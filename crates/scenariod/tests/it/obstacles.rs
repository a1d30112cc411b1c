//! Other people's toxics, leftovers and calls that fail. A run never changes what others did. What it did itself it removes,
//! or its exit code says that something is left.

use std::time::{SystemTime, UNIX_EPOCH};

use testkit::{FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, secs};

use crate::harness::{DEADLINE, LONG_TOXICS, await_phase, clean_exit, ours, start};

const FOREIGN: &str = r#"{"name":"theirs","type":"latency","attributes":{"latency":1}}"#;

#[test]
fn a_foreign_toxic_is_refused_or_allowed_and_always_left_alone() {
    let lab = Lab::start(2);
    lab.toxiproxy.add_toxic("memcached2", FOREIGN);
    // A run that was not judged is in the report as well.
    let listed = start(&lab, "slow", &["--json"]);
    assert_eq!(listed.wait_exit(DEADLINE), 4);
    let record: serde_json::Value = serde_json::from_str(&listed.stdout()).unwrap();
    let run = (record["runs"][0]["status"].as_str(), record["runs"][0]["note"].as_str());
    assert_eq!(run, (Some("aborted"), Some("nothing was injected")), "{record}");

    // The node has a fault in the first scenario and serves as comparison in the second.
    for scenario in ["both", "slow"] {
        let refused = start(&lab, scenario, &[]);
        assert_eq!(refused.wait_exit(DEADLINE), 4);
        let end = format!(
            "error: {scenario} was not started: memcached2 already has toxic theirs (latency), which this lab did not add\n\
             hint: remove the toxic with the tool that added it; a run next to it would be inconclusive\n"
        );
        assert!(refused.stderr().ends_with(&end), "{}", refused.stderr());
    }
    let theirs = ["memcached2/theirs"];
    assert_eq!(lab.toxiproxy.toxic_names(), theirs, "after a refusal");

    let passed = start(&lab, "slow", &["--allow-foreign"]);
    assert_eq!(passed.wait_exit(DEADLINE), 0, "{}", passed.stderr());
    assert!(
        passed.stderr().contains("warning: memcached2 has toxic theirs, which this lab did not add"),
        "{}",
        passed.stderr()
    );
    assert_eq!(lab.toxiproxy.toxic_names(), theirs, "after a pass");

    let aborted = start(&lab, "long", &["--allow-foreign"]);
    await_phase(&aborted, "long", 2);
    aborted.signal(Signal::TERM);
    assert_eq!(aborted.wait_exit(DEADLINE), 143, "{}", aborted.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), theirs, "after an abort");

    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::Misreport(400));
    let failed = start(&lab, "slow", &["--toxiproxy", &fake.url(), "--allow-foreign"]);
    assert_eq!(failed.wait_exit(DEADLINE), 4, "{}", failed.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), theirs, "after a failure, though a refusal had put ours on");

    let killed = start(&lab, "long", &["--allow-foreign"]);
    eventually("the toxics", secs(20), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    killed.kill();
    let next = start(&lab, "slow", &["--allow-foreign"]);
    assert_eq!(next.wait_exit(DEADLINE), 0, "{}", next.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), theirs, "after a kill");
}

#[test]
fn a_disabled_proxy_is_refused() {
    // With and without a fault on it.
    for node in ["memcached1", "memcached2"] {
        let lab = Lab::start(2);
        lab.toxiproxy.enable(node, false);
        let daemon = start(&lab, "slow", &[]);
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4);
        let end = format!(
            "error: slow was not started: the proxy {node} is disabled\n\
             hint: enable the proxy; every node of the lab is part of what a run measures\n"
        );
        assert!(daemon.stderr().ends_with(&end), "{}", daemon.stderr());
        assert_eq!(lab.toxiproxy.proxy(node)["enabled"], false);
    }
}

#[test]
fn leftovers_are_removed_and_a_live_run_is_left_alone() {
    let lab = Lab::start(2);
    let toxic = |name: &str| format!(r#"{{"name":"{name}","type":"latency","attributes":{{"latency":1}}}}"#);
    lab.toxiproxy.add_toxic("memcached2", &toxic("rl.dead.0.1000"));
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(
        daemon.stderr().contains(
            "removed rl.dead.0.1000 from memcached2: its lease has expired and its run is unknown\n"
        ),
        "{}",
        daemon.stderr()
    );

    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 1_000;
    let live = format!("rl.alive.0.{deadline}");
    lab.toxiproxy.add_toxic("memcached2", &toxic(&live));
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(daemon.wait_exit(DEADLINE), 4);
    assert!(daemon.stderr().contains("run alive has a fault on memcached2"), "{}", daemon.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), [format!("memcached2/{live}")]);
}

#[test]
fn a_partial_injection_is_undone() {
    let lab = Lab::start(2);
    for misbehaviour in [Misbehaviour::Refuse(500), Misbehaviour::Refuse(400), Misbehaviour::Misreport(503)] {
        let fake = FakeToxiproxy::before(&lab.toxiproxy);
        fake.misbehave(Rule::on("POST", "/proxies/memcached2/toxics"), misbehaviour);
        let daemon = start(&lab, "both", &["--toxiproxy", &fake.url()]);
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4, "{misbehaviour:?}\n{}", daemon.stderr());
        let stderr = daemon.stderr();
        assert!(stderr.contains("error: both was not injected: cannot add rl."), "{stderr}");
        assert!(
            fake.requests()
                .iter()
                .any(|request| request.starts_with("DELETE /proxies/memcached1/toxics/rl."))
        );
    }
}

#[test]
fn a_post_whose_answer_is_lost_is_repeated_not_doubled() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("POST", "/toxics").nth(1), Misbehaviour::Hangup);
    let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(fake.requests().iter().filter(|request| request.starts_with("POST")).count(), 2);
}

#[test]
fn a_failed_removal_ends_with_5_and_prints_the_commands() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let refused = fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Refuse(503));
    let daemon = start(
        &lab,
        "slow",
        &["--toxiproxy", &fake.url(), "--linger", "20s", "--loop", "3", "--time-scale", "0.2"],
    );
    let shown = daemon.scrape_until("the end of the run", secs(30), |scrape| {
        scrape.value("scenario_runs_total", [("status", "failed")]) == Some(1.0)
    });
    assert_eq!(shown.value("toxiproxy_residual_toxics", []), Some(1.0));
    assert_eq!(shown.value("toxiproxy_toxic_active", [("server", "memcached1")]), Some(1.0));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait_exit(DEADLINE), 5, "{}", daemon.stderr());
    assert!(refused.caught() > 1, "it was tried more than once");
    let left = ours(&lab.toxiproxy);
    let toxic = left[0].strip_prefix("memcached1/").unwrap();
    let url = fake.url();
    assert!(
        daemon.stderr().contains(&format!(
            "hint: remove it by hand, then check:\n  curl -X DELETE {url}/proxies/memcached1/toxics/{toxic}\n  curl {url}/proxies\n"
        )),
        "{}",
        daemon.stderr()
    );
    assert_eq!(left.len(), 1);
}

#[test]
fn a_restart_of_toxiproxy_makes_the_run_inconclusive() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &[]);
    // Four readings: the preflight's, two in stabilization, and the one after injecting.
    daemon.scrape_until("the toxic to be read back", secs(15), |scrape| {
        scrape.value("toxiproxy_api_request_duration_seconds_count", [("method", "GET")]) >= Some(4.0)
    });
    lab.toxiproxy.restart();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    assert!(daemon.stderr().contains("injector lost: toxiproxy has restarted"), "{}", daemon.stderr());
}

#[test]
fn removal_waits_for_a_toxiproxy_that_hangs_for_a_moment() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &[]);
    await_phase(&daemon, "long", 2);
    eventually("the toxics", secs(5), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    lab.toxiproxy.pause();
    daemon.signal(Signal::TERM);
    daemon.scrape_until("a call that got no answer", secs(15), |scrape| {
        scrape.value("toxiproxy_api_errors_total", [("method", "GET")]) >= Some(1.0)
    });
    lab.toxiproxy.resume();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 143, "{}", daemon.stderr());
}

#[test]
fn a_dry_run_reads_everything_and_writes_nothing() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let args = ["--toxiproxy", &fake.url(), "--dry-run"];
    let daemon = start(&lab, "slow", &args);
    assert_eq!(daemon.wait_exit(DEADLINE), 0, "{}", daemon.stderr());
    assert_eq!(
        daemon.stdout(),
        "slow: would test for 800ms: latency 7ms ± 3ms on memcached1\n\
         nothing was changed; not checked: whether toxiproxy accepts and removes the toxics, whether \
         the client notices them, the restart hook\n"
    );
    assert!(!lab.folder().join("state").exists(), "not even a folder for state");
    lab.toxiproxy.add_toxic("memcached1", FOREIGN);
    let refused = start(&lab, "slow", &args);
    assert_eq!(refused.wait_exit(DEADLINE), 4, "{}", refused.stderr());
    assert!(refused.stderr().contains("already has toxic theirs"), "{}", refused.stderr());
    lab.toxiproxy.delete_toxic("memcached1", "theirs");
    lab.toxiproxy
        .add_toxic("memcached1", r#"{"name":"rl.dead.0.1000","type":"latency","attributes":{"latency":1}}"#);
    let found = start(&lab, "slow", &args);
    assert_eq!(found.wait_exit(DEADLINE), 0, "{}", found.stderr());
    let why = "its lease has expired and its run is unknown";
    let would = format!("slow: would find: rl.dead.0.1000 on memcached1: {why}; a run removes it\n");
    assert!(found.stdout().starts_with(&would), "{}", found.stdout());
    let requests = fake.requests();
    assert!(requests.len() >= 3 && requests.iter().all(|request| request.starts_with("GET")), "{requests:?}");
}

#[test]
fn a_dry_run_sees_a_live_run_before_its_faults_are_on() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &[]);
    await_phase(&daemon, "long", 1);
    let dry = start(&lab, "slow", &["--dry-run"]);
    assert_eq!(dry.wait_exit(DEADLINE), 4, "{}", dry.stderr());
    assert!(dry.stderr().contains("is using memcached1"), "{}", dry.stderr());
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    let dry = start(&lab, "slow", &["--dry-run"]);
    assert_eq!(dry.wait_exit(DEADLINE), 0, "{}", dry.stderr());
}
