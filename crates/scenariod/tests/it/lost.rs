//! Toxiproxy restarts, hangs or is changed by others during a run: the run ends within a bounded time, is inconclusive, and
//! says what is left.

use std::time::{Duration, Instant};

use testkit::{Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, report, scale, secs};

use crate::harness::{BIN, DEADLINE, LONG_TOXICS, await_phase, clean_exit, ours, start, start_file};

#[test]
fn a_restart_in_any_phase_makes_the_run_inconclusive_and_its_proxies_come_back() {
    // The first lab loses the proxies that the run created. In the second one only the ids of answers show the restart.
    for (phase, lab) in [
        (1, Lab::start_without_proxies(1)),
        (2, Lab::start_without_proxies(1)),
        (3, Lab::start_without_proxies(1)),
        (1, Lab::start(1)),
        (3, Lab::start(1)),
    ] {
        let daemon = start(&lab, "long", &["--time-scale", "2"]);
        await_phase(&daemon, "long", phase);
        if phase == 2 {
            eventually("the toxics", secs(5), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
        }
        lab.toxiproxy.restart();
        eventually("the proxies to be back", secs(5), || {
            lab.toxiproxy.proxies()["memcached1"]["enabled"] == true
        });
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "phase {phase}\n{}", daemon.stderr());
        assert!(daemon.stderr().contains("injector lost"), "phase {phase}\n{}", daemon.stderr());
    }
}

#[test]
fn removal_from_a_hanging_toxiproxy_gives_up_within_the_margin() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &["--time-scale", "0.5"]);
    eventually("the toxics", secs(10), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    lab.toxiproxy.pause();
    daemon.signal(Signal::INT);
    let began = Instant::now();
    daemon.scrape_until("residue while testing goes on", secs(10), |scrape| {
        scrape.value("toxiproxy_residual_toxics", []) == Some(LONG_TOXICS as f64)
            && scrape.value("scenario_phase", [("scenario", "long")]) == Some(2.0)
    });
    let (code, took) = (daemon.wait_exit(DEADLINE), began.elapsed());
    let said = daemon.stderr();
    assert_eq!(code, 5, "{said}");
    // A margin of 7.5 s, the last call and the probe.
    assert!(took < secs(15), "{took:?}\n{said}");
    assert_eq!(said.matches("still removing 12 toxics, giving up in ").count(), 1, "{said}");
    assert!(said.contains("if toxiproxy does not answer these either, restart it"), "{said}");
    report(
        "a Toxiproxy that stands still, interrupted with 12 toxics on",
        [format!("given up after {took:.1?}")],
    );
    lab.toxiproxy.resume();
    let clean = Daemon::run(lab.command(BIN, ["clean"]));
    assert_eq!(clean.wait_exit(DEADLINE), 0, "{}", clean.stderr());
    assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new());
}

#[test]
fn a_toxiproxy_that_hangs_during_testing_makes_the_run_inconclusive() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &["--time-scale", "4"]);
    await_phase(&daemon, "long", 2);
    eventually("the toxics", secs(10), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    let failed = |scrape: &testkit::Scrape| scrape.value("toxiproxy_api_errors_total", [("method", "GET")]);
    let before = failed(&daemon.scrape());
    lab.toxiproxy.pause();
    daemon.scrape_until("a call that got no answer", secs(15), |scrape| failed(scrape) > before);
    lab.toxiproxy.resume();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let says = "long is inconclusive: toxiproxy, or scenariod itself, was unresponsive for ";
    assert!(daemon.stderr().contains(says), "{}", daemon.stderr());
}

/// Short phases, except for the one in which Toxiproxy hangs.
fn phases(stabilization: &str, testing: &str, recovery: &str) -> String {
    format!(
        "family: own\nphases: {{ stabilization: {stabilization}, testing: {testing}, recovery: {recovery} }}\n\
         scenarios:\n  - name: paused\n    about: x\n    faults: [{{ target: memcached1, fault: latency, delay: 7ms }}]\n"
    )
}

#[test]
fn a_hang_that_lasts_past_the_end_of_a_phase_makes_the_run_inconclusive() {
    // The phase in which it hangs, and how many calls get no answer until it goes on.
    for (text, phase, unanswered) in [
        (phases("50ms", "14s", "50ms"), 2, 3.0),
        // The check that has waited for two seconds is dropped at the end of the phase. Removal makes a new call.
        (phases("50ms", "3s", "50ms"), 2, 1.0),
        (phases("50ms", "1s", "3500ms"), 3, 1.0),
    ] {
        let lab = Lab::start(1);
        let daemon = start_file(&lab, "paused", &text, &[]);
        await_phase(&daemon, "paused", phase);
        if phase == 2 {
            daemon.scrape_until("the toxic to be read back", secs(10), |scrape| {
                scrape.value("toxiproxy_toxic_active", [("server", "memcached1"), ("type", "latency")])
                    == Some(1.0)
            });
        }
        lab.toxiproxy.pause();
        daemon.scrape_until("calls that got no answer", secs(20), |scrape| {
            scrape.value("toxiproxy_api_errors_total", [("method", "GET")]) >= Some(unanswered)
        });
        lab.toxiproxy.resume();
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{text}{}", daemon.stderr());
        let says = "paused is inconclusive: toxiproxy, or scenariod itself, was unresponsive for ";
        assert!(daemon.stderr().contains(says), "{text}{}", daemon.stderr());
    }
}

#[test]
fn a_toxiproxy_that_hangs_in_stabilization_affects_only_that_run() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &["--time-scale", "2", "--loop", "2"]);
    await_phase(&daemon, "long", 1);
    lab.toxiproxy.pause();
    daemon.scrape_until("a call that got no answer", secs(15), |scrape| {
        scrape.value("toxiproxy_api_errors_total", [("method", "GET")]) >= Some(1.0)
    });
    lab.toxiproxy.resume();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let said = daemon.stderr();
    assert!(
        said.contains("long was not injected: toxiproxy, or scenariod itself, was unresponsive"),
        "{said}"
    );
    let walked =
        said.lines().filter(|line| line.ends_with("success: all phases completed, no toxic is left"));
    assert_eq!(walked.count(), 1, "{said}");
}

#[test]
fn removal_from_a_dead_toxiproxy_gives_up_early() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "long", &["--time-scale", "5"]);
    eventually("the toxics", secs(20), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    lab.toxiproxy.kill();
    daemon.signal(Signal::INT);
    let began = Instant::now();
    let (code, took) = (daemon.wait_exit(DEADLINE), began.elapsed());
    assert_eq!(code, 5, "{}", daemon.stderr());
    assert!(took < secs(10), "{took:?}\n{}", daemon.stderr());
    assert!(daemon.stderr().contains("if toxiproxy has died, its toxics are gone"), "{}", daemon.stderr());
}

#[test]
fn a_wedged_toxiproxy_is_restarted_by_the_hook_and_its_proxies_come_back() {
    let lab = Lab::start(2);
    let asked = lab.folder().join("restarted");
    lab.set("scenariod.restart_hook", format!("touch {}", asked.display()));
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let wedge = fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Wedge);
    let daemon = start(&lab, "both", &["--toxiproxy", &fake.url()]);
    eventually("the hook", secs(40), || asked.exists());
    assert!(fake.requests().iter().any(|request| request.starts_with("DELETE")), "the removal hangs");
    lab.toxiproxy.restart();
    wedge.release();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let said = daemon.stderr();
    assert!(said.contains("the restart hook succeeded"), "{said}");
    assert_eq!(lab.toxiproxy.proxies().as_object().unwrap().len(), 2);
}

#[test]
fn a_restart_by_the_hook_is_reported_once() {
    let lab = Lab::start(1);
    let asked = lab.folder().join("restarted");
    lab.set("scenariod.restart_hook", format!("touch {}", asked.display()));
    let daemon = start(&lab, "long", &["--time-scale", "0.5"]);
    eventually("the toxics", secs(10), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    lab.toxiproxy.pause();
    eventually("the hook", secs(40), || asked.exists());
    lab.toxiproxy.restart();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let said = daemon.stderr();
    assert!(said.contains("toxiproxy was wedged and the restart hook was run\n"), "{said}");
    assert_eq!(said.matches("error: ").count(), 1, "{said}");
}

#[test]
fn a_run_passes_at_a_slow_toxiproxy() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    for method in ["GET", "POST", "DELETE"] {
        fake.misbehave(Rule::on(method, "/"), Misbehaviour::Slow(Duration::from_millis(300)));
    }
    let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
}

#[test]
fn a_conflict_does_not_count_as_an_injection() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::Refuse(409));
    let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4, "{}", daemon.stderr());
    assert!(daemon.stderr().contains("but does not have it"), "{}", daemon.stderr());
}

#[test]
fn changes_by_others_end_the_run_and_are_left_alone() {
    let foreign = r#"{"name":"theirs","type":"latency","attributes":{"latency":1}}"#;
    let lab = Lab::start(1);
    let early = start(&lab, "long", &["--time-scale", "2"]);
    await_phase(&early, "long", 1);
    lab.toxiproxy.add_toxic("memcached1", foreign);
    assert_eq!(clean_exit(&early, &lab.toxiproxy), 4, "{}", early.stderr());
    assert!(early.stderr().contains("was not injected: somebody added toxic theirs"), "{}", early.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), ["memcached1/theirs"]);

    let allowed = start(&lab, "slow", &["--allow-foreign"]);
    assert_eq!(clean_exit(&allowed, &lab.toxiproxy), 0, "{}", allowed.stderr());
    assert!(allowed.stderr().contains("it is part of what is measured"), "{}", allowed.stderr());
    assert_eq!(lab.toxiproxy.toxic_names(), ["memcached1/theirs"]);
    lab.toxiproxy.delete_toxic("memcached1", "theirs");

    let late = start(&lab, "long", &["--time-scale", "2"]);
    eventually("the toxics", secs(10), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    lab.toxiproxy.enable("memcached1", false);
    assert_eq!(clean_exit(&late, &lab.toxiproxy), 3, "{}", late.stderr());
    assert!(late.stderr().contains("somebody disabled the proxy memcached1"), "{}", late.stderr());
    assert_eq!(lab.toxiproxy.proxy("memcached1")["enabled"], false, "somebody else has disabled it");
}

#[test]
fn a_proxy_with_other_addresses_is_refused() {
    let lab = Lab::start(1);
    let listen = lab.toxiproxy.listen("memcached1");
    let upstream = lab.nodes[0].addr();
    let text = std::fs::read_to_string(lab.config()).unwrap();
    std::fs::write(lab.config(), text.replace(&upstream.to_string(), "127.0.0.1:9")).unwrap();
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4);
    let expected = format!(
        "error: slow was not started: the proxy memcached1 leads from {listen} to {upstream}, but the lab file says from {listen} to 127.0.0.1:9\n"
    );
    assert!(daemon.stderr().contains(&expected), "{}", daemon.stderr());
}

#[test]
fn an_injection_that_fails_half_way_through_a_chain_is_undone() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.misbehave(Rule::on("POST", "/toxics").from(5), Misbehaviour::Refuse(500));
    let daemon = start(&lab, "long", &["--toxiproxy", &fake.url()]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4, "{}", daemon.stderr());
    let deletes = fake.requests().iter().filter(|request| request.starts_with("DELETE")).count();
    assert_eq!(deletes, 4, "{:?}", fake.requests());
}

/// Each toxic is on the disk before Toxiproxy hears of it.
#[test]
fn the_journal_is_written_ahead() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let post = fake.misbehave(Rule::on("POST", "/toxics").nth(1), Misbehaviour::HoldRequest);
    let daemon = start(&lab, "long", &["--toxiproxy", &fake.url()]);
    post.wait_caught(secs(20));
    let journals = || std::fs::read_dir(lab.folder().join("state/runs")).unwrap().flatten();
    let text = || journals().map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect::<String>();
    assert_eq!(text().matches(r#""kind":"intent""#).count(), LONG_TOXICS, "{}", text());
    assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new());
    post.release();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    for (kind, count) in [("applied", LONG_TOXICS), ("removed", LONG_TOXICS), ("end", 1)] {
        assert_eq!(text().matches(&format!(r#""kind":"{kind}""#)).count(), count, "{}", text());
    }
}

#[test]
fn without_a_place_for_the_journal_nothing_is_injected() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let file = lab.folder().join("file");
    std::fs::write(&file, "").unwrap();
    let daemon = start(
        &lab,
        "slow",
        &["--toxiproxy", &fake.url(), "--state-dir", &file.display().to_string(), "--json"],
    );
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4);
    let record: serde_json::Value = serde_json::from_str(&daemon.stdout()).unwrap();
    let run = (record["runs"][0]["status"].as_str(), record["runs"][0]["note"].as_str());
    assert_eq!(run, (Some("aborted"), Some("nothing was injected")), "{record}");
    let expected = format!("error: slow was not started: cannot keep state in {}", file.display());
    assert!(daemon.stderr().contains(&expected), "{}", daemon.stderr());
    assert_eq!(fake.requests(), Vec::<String>::new());
}

/// Of two runs that start at the same time at most one passes, with or without a shared state folder. Neither leaves a
/// toxic.
#[test]
fn two_controllers_never_both_pass() {
    let lab = Lab::start(1);
    let elsewhere = lab.folder().join("elsewhere").display().to_string();
    let mut refused = 0;
    for round in 0..scale(4, 100) {
        let shared = round % 2 == 0;
        let other: &[&str] = if shared { &[] } else { &["--state-dir", &elsewhere] };
        let port = ["--metrics-addr", "127.0.0.1:0"];
        let runs = [start(&lab, "slow", &port), start(&lab, "slow", &[&port, other].concat())];
        let codes = runs.each_ref().map(|run| run.wait_exit(DEADLINE));
        let said = || runs.each_ref().map(Daemon::stderr).join("\n");
        assert!(
            codes.iter().all(|code| [0, 3, 4].contains(code)) && codes != [0, 0],
            "{codes:?}\n{}",
            said()
        );
        if shared {
            assert!(codes.contains(&0) && codes.contains(&4), "{codes:?}\n{}", said());
            assert!(said().contains("is using memcached1"), "{}", said());
        }
        refused += codes.iter().filter(|code| **code == 4).count();
        assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new(), "{}", said());
    }
    report(
        "two controllers at once",
        [format!("{} races, {refused} refusals, 0 residual toxics", scale(4, 100))],
    );
}

/// From each run's first intent to its first toxic that is on, in ms, sorted.
fn written_ahead(lab: &Lab) -> Vec<f64> {
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap().flatten();
    let ahead = |text: String| {
        let at = |kind: &str| {
            let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            lines.into_iter().find(|line| line["kind"] == kind).and_then(|line| line["at"].as_f64())
        };
        Some((at("applied")? - at("intent")?) * 1e3)
    };
    let texts = journals.map(|entry| std::fs::read_to_string(entry.path()).unwrap());
    let mut ahead: Vec<f64> = texts.filter_map(ahead).collect();
    ahead.sort_by(f64::total_cmp);
    ahead
}

/// Memory and the number of series do not grow with the number of runs.
#[test]
fn many_runs_cost_no_memory_and_no_series() {
    let lab = Lab::start(1);
    let runs = scale(60, 1_000);
    let daemon =
        start(&lab, "slow", &["--loop", &runs.to_string(), "--time-scale", "0.01", "--linger", "60s"]);
    let after = |count: usize| {
        let page = daemon.scrape_until(&format!("{count} runs"), secs(600), |scrape| {
            scrape.value("scenario_runs_total", [("status", "success")]) >= Some(count as f64)
        });
        (page.samples().len(), page.value("process_resident_memory_bytes", []).unwrap())
    };
    // The last 20 runs have series of their own. By then there are 20.
    let (early, _) = after(runs / 2);
    let (late, memory) = after(runs);
    assert!(late.abs_diff(early) <= 10, "{early} series after {} runs, {late} after {runs}", runs / 2);
    assert!(memory < 30e6, "{memory} bytes after {runs} runs");
    let ahead = written_ahead(&lab);
    let (median, worst) = (ahead[ahead.len() / 2], ahead[ahead.len() - 1]);
    report(
        "many short runs",
        [
            format!("{runs} runs: {late} series, {:.1} MB resident", memory / 1e6),
            format!(
                "from the journal's intent to the first POST's answer: {median:.1} ms (median), {worst:.1} ms (worst)"
            ),
        ],
    );
    daemon.signal(Signal::INT);
    // Two scrapes may already have ended the linger.
    let code = clean_exit(&daemon, &lab.toxiproxy);
    assert!([0, 130].contains(&code), "{code}\n{}", daemon.stderr());
}
