//! The guard and `clean` on a real Toxiproxy: they remove what a killed run has left, and nothing else.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testkit::{Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, Scrape, eventually, report, scale, secs};

use crate::harness::{BIN, DEADLINE, LONG_TOXICS, guard, ours, start};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn toxic(name: &str) -> String {
    format!(r#"{{"name":"{name}","type":"latency","attributes":{{"latency":1}}}}"#)
}

/// A lab whose first node has toxics of `rl.dead` (lease over), `theirs` and `rl.alive` (lease not over), in this order.
#[track_caller]
fn littered() -> (Lab, [String; 2]) {
    let lab = Lab::start(2);
    let alive = format!("rl.alive.0.{}", now() + 1_000);
    for name in ["rl.dead.0.1000", "rl.dead.1.1000", "theirs", &alive] {
        lab.toxiproxy.add_toxic("memcached1", &toxic(name));
    }
    let marker = r#"{"name":"rl.dead.2.1000","type":"latency","toxicity":0,"attributes":{"latency":0}}"#;
    lab.toxiproxy.add_toxic("memcached2", marker);
    lab.toxiproxy.enable("memcached2", false);
    (lab, ["memcached1/theirs".to_owned(), format!("memcached1/{alive}")])
}

fn enabled(lab: &Lab, proxy: &str) -> bool {
    lab.toxiproxy.proxy(proxy)["enabled"] == Value::Bool(true)
}

/// Whenever a run is killed, its toxics are gone within its lease, and the next run finds a clean Toxiproxy.
#[test]
fn a_run_that_is_killed_leaves_nothing() {
    let lab = Lab::start(1);
    let guard = guard(&lab, &[]);
    let mut cleaned: Vec<Duration> = Vec::new();
    for round in 0..scale(3, 50) {
        let run = start(&lab, "long", &["--metrics-addr", "127.0.0.1:0"]);
        // In turns: killed with all toxics on, while they are added, and at a random moment.
        let began = Instant::now();
        let wait = Duration::from_millis(fastrand::u64(0..4_000));
        match round % 3 {
            0 => eventually("the toxics", secs(20), || ours(&lab.toxiproxy).len() == LONG_TOXICS),
            1 => eventually("a toxic", secs(20), || !ours(&lab.toxiproxy).is_empty()),
            _ => eventually("the instant", secs(20), || began.elapsed() >= wait),
        }
        run.kill();
        let killed = Instant::now();
        // 1.5 s of testing, the margin of 15 s, and 5 s.
        eventually("a clean Toxiproxy", Duration::from_millis(21_500), || ours(&lab.toxiproxy).is_empty());
        cleaned.push(killed.elapsed());
    }
    assert!(guard.stderr().contains("left over from a run that did not end properly"), "{}", guard.stderr());
    guard.scrape_until("no residue", secs(10), |page| {
        page.value("toxiproxy_residual_toxics", []) == Some(0.0)
    });
    let last = start(&lab, "slow", &[]);
    assert_eq!(last.wait_exit(DEADLINE), 0, "{}", last.stderr());
    cleaned.sort();
    let (median, worst) = (cleaned[cleaned.len() / 2], cleaned[cleaned.len() - 1]);
    report(
        "scenariod killed by SIGKILL, guard running",
        [format!(
            "{} kills, 0 residual toxics; clean after {median:.0?} (median), {worst:.0?} (worst)",
            cleaned.len()
        )],
    );
}

#[test]
fn without_a_guard_the_next_run_removes_leftovers_and_reports_them() {
    let lab = Lab::start(1);
    let run = start(&lab, "long", &[]);
    eventually("the toxics", secs(20), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    run.kill();
    assert_eq!(ours(&lab.toxiproxy).len(), LONG_TOXICS);
    let next = start(&lab, "slow", &[]);
    assert_eq!(next.wait_exit(DEADLINE), 0, "{}", next.stderr());
    let told = next.stderr();
    assert_eq!(told.matches("left over from a run that did not end properly").count(), LONG_TOXICS, "{told}");
    assert!(
        told.contains("of long was cut off or could not record its end; nothing of it is left"),
        "{told}"
    );
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap();
    let aborted = journals.flatten().map(|entry| std::fs::read_to_string(entry.path()).unwrap());
    assert_eq!(aborted.filter(|text| text.contains(r#""kind":"aborted""#)).count(), 1);
}

#[test]
fn the_guard_removes_only_leftovers() {
    let (lab, stays) = littered();
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let guard = guard(&lab, &["--toxiproxy", &fake.url()]);
    eventually("what is overdue to go", secs(10), || lab.toxiproxy.toxic_names() == stays);
    assert!(enabled(&lab, "memcached2"), "the proxy below a leftover marker is enabled");
    let writes: Vec<String> =
        fake.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    let at = |request: &str| writes.iter().position(|write| write.starts_with(request)).unwrap();
    assert!(
        at("DELETE /proxies/memcached1/toxics/rl.dead.1.")
            < at("DELETE /proxies/memcached1/toxics/rl.dead.0.")
    );
    assert!(at("POST /proxies/memcached2 ") < at("DELETE /proxies/memcached2/toxics/rl.dead.2."));
    assert_eq!(writes.len(), 4, "{writes:?}");
    guard.scrape_until("three more rounds", secs(10), |scrape| {
        scrape.value("toxiproxy_api_request_duration_seconds_count", [("method", "GET")]) >= Some(5.0)
    });
    assert_eq!(lab.toxiproxy.toxic_names(), stays);
    // Somebody else has disabled a proxy without a marker.
    lab.toxiproxy.enable("memcached2", false);
    let looked = fake.requests().len();
    eventually("three more looks", secs(10), || fake.requests().len() >= looked + 3);
    assert!(!enabled(&lab, "memcached2"));
}

#[test]
fn the_guard_exports_only_hygiene_metrics() {
    let lab = Lab::start(1);
    let guard = guard(&lab, &[]);
    let known = [
        "toxiproxy_residual_toxics",
        "toxiproxy_api_",
        "http_",
        "process_",
        "tokio_",
        "memcache_resilience_",
    ];
    let residual = |page: &Scrape| page.value("toxiproxy_residual_toxics", []);
    let page = guard.scrape_until("a look", secs(10), |page| residual(page).is_some());
    for sample in page.samples() {
        assert!(known.iter().any(|known| sample.name.starts_with(known)), "{}", sample.name);
    }
    assert_eq!(residual(&page), Some(0.0));
}

/// A Toxiproxy that does not answer may hold toxics: the last number above 0 stays, and a 0 is not exported.
#[test]
fn the_guard_exports_no_residue_of_0_while_toxiproxy_is_silent() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Refuse(503));
    let guard = guard(&lab, &["--toxiproxy", &fake.url()]);
    let residual = |page: &Scrape| page.value("toxiproxy_residual_toxics", []);
    let becomes = |wanted: Option<f64>| {
        guard.scrape_until(&format!("residue {wanted:?}"), secs(20), |page| residual(page) == wanted)
    };
    becomes(Some(0.0));
    lab.toxiproxy.kill();
    becomes(None);
    lab.toxiproxy.restart();
    becomes(Some(0.0));
    lab.toxiproxy.add_toxic("memcached1", &toxic("rl.dead.0.1000"));
    becomes(Some(1.0));
    lab.toxiproxy.kill();
    let failed = |page: &Scrape| page.value("toxiproxy_api_errors_total", [("method", "GET")]);
    let before = failed(&guard.scrape());
    let page = guard.scrape_until("silence", secs(20), |page| failed(page) > before.map(|n| n + 2.0));
    assert_eq!(residual(&page), Some(1.0));
}

#[test]
fn the_guard_reports_an_outage_once_and_cleans_up_after_it() {
    let lab = Lab::start(1);
    let guard = guard(&lab, &[]);
    lab.toxiproxy.kill();
    guard.scrape_until("failed calls", secs(20), |scrape| {
        scrape.value("toxiproxy_api_errors_total", [("method", "GET")]) >= Some(5.0)
    });
    let ready = || testkit::http::get(&format!("http://{}/ready", guard.addr())).unwrap().status;
    assert_eq!(ready(), 503);
    // The kill may have broken a call in progress: that is another message.
    assert_eq!(guard.stderr().matches("; will try again").count(), 1, "{}", guard.stderr());
    lab.toxiproxy.restart();
    lab.toxiproxy.add_toxic("memcached1", &toxic("rl.dead.0.1000"));
    eventually("a clean Toxiproxy", secs(10), || ours(&lab.toxiproxy).is_empty());
    assert!(guard.stderr().contains("toxiproxy answers again"), "{}", guard.stderr());
    assert_eq!(ready(), 200);
}

#[test]
fn clean_removes_leftovers_and_lists_what_it_keeps() {
    let (lab, stays) = littered();
    let clean = |args: &[&str]| {
        let daemon = Daemon::run(lab.command(BIN, ["clean"].iter().chain(args)));
        (daemon.wait_exit(DEADLINE), daemon.stdout() + &daemon.stderr())
    };
    let (code, said) = clean(&["--dry-run"]);
    assert_eq!(code, 5, "something is left: {said}");
    assert!(said.ends_with("3 to remove, 1 kept (owned by live runs), 1 kept (not of this lab)\n"), "{said}");
    assert_eq!(lab.toxiproxy.toxic_names().len(), 5);
    let (code, said) = clean(&[]);
    assert_eq!(code, 0, "{said}");
    let alive = stays[1].strip_prefix("memcached1/").unwrap();
    assert_eq!(
        said,
        format!(
            "kept {alive} on memcached1: its lease has not expired\n\
             kept theirs (latency) on memcached1: not added by this lab\n\
             removed rl.dead.1.1000 from memcached1: its lease has expired and its run is unknown\n\
             removed rl.dead.0.1000 from memcached1: its lease has expired and its run is unknown\n\
             removed rl.dead.2.1000 from memcached2: its lease has expired and its run is unknown\n\
             3 removed, 1 kept (owned by live runs), 1 kept (not of this lab)\n"
        )
    );
    assert_eq!(lab.toxiproxy.toxic_names(), stays);
    assert!(enabled(&lab, "memcached2"));

    lab.toxiproxy.add_toxic("memcached1", &toxic("rl.dead.0.1000"));
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Refuse(503));
    let (code, said) = clean(&["--toxiproxy", &fake.url()]);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("a fault may still be active: rl.dead.0.1000 on memcached1"), "{said}");
    lab.toxiproxy.kill();
    let (code, said) = clean(&[]);
    assert_eq!(code, 4, "{said}");
}
