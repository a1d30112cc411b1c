//! A run is suspended or loses its state folder, its process or its guard. Its faults are removed all the same, with a
//! reason in the output.

use std::time::{SystemTime, UNIX_EPOCH};

use testkit::{Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, secs};

use crate::harness::{BIN, DEADLINE, LONG_TOXICS, await_phase, clean_exit, guard, ours, start, start_file};

/// Scaled, a lease of about 4 s.
const STILL: &str = "\
family: mine
phases: { stabilization: 1s, testing: 10s, recovery: 1s }
scenarios:
  - { name: still, about: one node slow, faults: [{ target: memcached1, fault: latency, delay: 7ms }] }
";
const SCALE: [&str; 2] = ["--time-scale", "0.13"];

/// Whether the deadline in the toxic's name has passed.
fn is_overdue(toxic: &str) -> bool {
    let deadline: u64 = toxic.rsplit_once('.').unwrap().1.parse().unwrap();
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > deadline
}

/// Starts the scenario and waits until it has read its toxic back.
#[track_caller]
fn still(lab: &Lab) -> (Daemon, String) {
    let run = start_file(lab, "still", STILL, &SCALE);
    run.scrape_until("the toxic", secs(20), |page| page.sum("toxiproxy_toxic_active", []) == 1.0);
    let toxic = ours(&lab.toxiproxy).remove(0);
    (run, toxic)
}

fn journals(lab: &Lab) -> String {
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap().flatten();
    journals.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect()
}

#[test]
fn a_run_that_was_suspended_beyond_its_lease_is_inconclusive_and_says_why() {
    for guarded in [true, false] {
        let lab = Lab::start(1);
        let guard = guarded.then(|| guard(&lab, &[]));
        let (run, toxic) = still(&lab);
        run.signal(Signal::STOP);
        eventually("the end of the lease", secs(20), || match guarded {
            true => ours(&lab.toxiproxy).is_empty(),
            false => is_overdue(&toxic),
        });
        assert!(is_overdue(&toxic));
        run.signal(Signal::CONT);
        assert_eq!(clean_exit(&run, &lab.toxiproxy), 3, "{}", run.stderr());
        let said = run.stderr();
        let begin = "error: still is inconclusive: the lease of the faults ended ";
        let end = if guarded { " is gone, probably removed by a guard: " } else { " was still on: " };
        assert!(said.contains(begin) && said.contains(end), "{said}");
        assert!(
            said.contains(": inconclusive: the faults outlived their lease, no toxic is left\n"),
            "{said}"
        );
        assert!(journals(&lab).contains(r#""kind":"hygiene","value":"overdue""#), "{}", journals(&lab));
        if let Some(guard) = guard {
            let why = "from memcached1: its lease has expired, but its run is still alive";
            eventually("the guard's word", secs(10), || guard.stderr().contains(why));
        }
    }
}

/// It is suspended between adding its toxic and reading it back, and a guard removes the toxic meanwhile.
#[test]
fn a_run_that_was_suspended_while_it_injected_says_so() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    // The first reading is the preflight's, the second one comes at the end of stabilization.
    let read_back = fake.misbehave(Rule::on("GET", "/proxies").nth(3), Misbehaviour::HoldRequest);
    let run = start_file(&lab, "still", STILL, &[&SCALE[..], &["--toxiproxy", &fake.url()]].concat());
    read_back.wait_caught(secs(20));
    run.signal(Signal::STOP);
    let toxic = ours(&lab.toxiproxy).remove(0);
    eventually("the end of the lease", secs(20), || is_overdue(&toxic));
    let (server, toxic) = toxic.split_once('/').unwrap();
    lab.toxiproxy.delete_toxic(server, toxic);
    read_back.release();
    run.signal(Signal::CONT);
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 3, "{}", run.stderr());
    let said = run.stderr();
    assert!(
        said.contains("the lease of the faults ended ")
            && said.contains(" is gone, probably removed by a guard"),
        "{said}"
    );
    assert!(said.contains(": inconclusive: the faults outlived their lease, no toxic is left\n"), "{said}");
}

#[test]
fn without_a_shared_folder_the_deadline_alone_decides() {
    let lab = Lab::start(1);
    let elsewhere = lab.folder().join("elsewhere").display().to_string();
    let guard = guard(&lab, &["--state-dir", &elsewhere]);
    let (run, toxic) = still(&lab);
    run.kill();
    eventually("a clean Toxiproxy", secs(20), || {
        // In this order: a toxic may be removed right after it was read.
        let overdue = is_overdue(&toxic);
        let gone = ours(&lab.toxiproxy).is_empty();
        assert!(overdue || !gone || is_overdue(&toxic), "removed within its lease");
        gone
    });
    let why = "from memcached1: its lease has expired and its run is unknown";
    eventually("the guard's word", secs(10), || guard.stderr().contains(why));
}

#[test]
fn two_guards_and_a_restarted_guard_remove_nothing_of_a_live_run() {
    let lab = Lab::start(1);
    let (one, two) = (guard(&lab, &[]), guard(&lab, &[]));
    let run = start(&lab, "long", &[]);
    await_phase(&run, "long", 2);
    one.kill();
    let one = guard(&lab, &[]);
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 0, "{}", run.stderr());
    let killed = start(&lab, "long", &["--metrics-addr", "127.0.0.1:0"]);
    eventually("the toxics", secs(20), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    killed.kill();
    eventually("a clean Toxiproxy", secs(20), || ours(&lab.toxiproxy).is_empty());
    for guard in [&one, &two] {
        eventually("no residue", secs(10), || {
            guard.scrape().value("toxiproxy_residual_toxics", []) == Some(0.0)
        });
        assert!(!guard.stderr().contains("cannot remove"), "{}", guard.stderr());
    }
    // Either guard may be faster. When both remove a toxic, both say so.
    let removed = |guard: &Daemon| guard.stderr().lines().filter(|line| line.starts_with("removed")).count();
    eventually("a word on each", secs(10), || removed(&one) + removed(&two) >= LONG_TOXICS);
}

#[test]
fn a_run_whose_state_folder_is_removed_injects_nothing_more() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let run = start(&lab, "long", &["--toxiproxy", &fake.url()]);
    await_phase(&run, "long", 1);
    std::fs::remove_dir_all(lab.folder().join("state")).unwrap();
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 4, "{}", run.stderr());
    let said = run.stderr();
    assert!(
        said.contains("error: long was not injected: cannot write the journal before injecting: "),
        "{said}"
    );
    assert!(said.contains("it was deleted during the run\n"), "{said}");
    assert!(said.contains("warning: run 1/1 long "), "{said}");
    assert!(!fake.requests().iter().any(|request| request.starts_with("POST")), "{:?}", fake.requests());
}

/// A hook that does not help: the run ends with 5 and prints the commands.
#[test]
fn a_restart_hook_that_fails_is_reported_and_the_residue_as_well() {
    for (hook, path, ended) in [
        ("exit 7", "/usr/bin:/bin", "failed: exit status: 7"),
        ("exit 0", "", "could not be started: No such file or directory (os error 2)"),
    ] {
        let lab = Lab::start(1);
        lab.set("scenariod.restart_hook", hook);
        let fake = FakeToxiproxy::before(&lab.toxiproxy);
        let _wedge = fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Wedge);
        let catalogue = lab.folder().join("scenarios");
        std::fs::create_dir_all(&catalogue).unwrap();
        std::fs::write(catalogue.join("mine.yaml"), STILL).unwrap();
        let (catalogue, url) = (catalogue.display().to_string(), fake.url());
        let args = ["--scenario", "still", "--catalogue", &catalogue, "--linger", "0s", "--no-verdict"];
        let more = ["--time-scale", "0.05", "--toxiproxy", &url];
        let mut command = lab.command(BIN, args.iter().chain(&more));
        command.env("PATH", path);
        let run = Daemon::run(command);
        assert_eq!(run.wait_exit(DEADLINE), 5, "{}", run.stderr());
        let said = run.stderr();
        assert!(
            fake.requests().iter().any(|request| request.starts_with("DELETE")),
            "it is the removal that hangs\n{said}"
        );
        assert!(said.contains(&format!("the restart hook {ended}\n")), "{said}");
        assert!(said.contains(&format!("  curl -X DELETE {url}/proxies/memcached1/toxics/rl.")), "{said}");
        assert!(journals(&lab).contains(r#""kind":"hygiene","value":"residue""#), "{}", journals(&lab));
    }
}

#[test]
fn clean_says_why_it_keeps_what_others_did() {
    let lab = Lab::start(2);
    lab.toxiproxy.add_toxic("memcached1", r#"{"type":"latency","attributes":{"latency":1}}"#);
    lab.toxiproxy.add_toxic("memcached2", r#"{"name":"theirs","type":"timeout","attributes":{"timeout":1}}"#);
    lab.toxiproxy.enable("memcached2", false);
    let before = lab.toxiproxy.toxic_names();
    let clean = Daemon::run(lab.command(BIN, ["clean"]));
    assert_eq!(clean.wait_exit(DEADLINE), 0, "{}", clean.stderr());
    assert_eq!(
        clean.stdout(),
        "kept latency_downstream (latency) on memcached1: not added by this lab; it has toxiproxy's default name, as when added with toxiproxy-cli\n\
         kept theirs (timeout) on memcached2: not added by this lab\n\
         kept memcached2 disabled: not disabled by this lab\n\
         0 removed, 0 kept (owned by live runs), 3 kept (not of this lab)\n"
    );
    assert_eq!(lab.toxiproxy.toxic_names(), before);
    assert_eq!(lab.toxiproxy.proxy("memcached2")["enabled"], false);
}
