//! A signal at any moment of a run leaves no toxic.

use testkit::{FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, secs};

use crate::harness::{LONG_TOXICS, await_phase, clean_exit, ours, start};

#[test]
fn a_signal_in_each_phase_leaves_no_toxic() {
    let lab = Lab::start(1);
    for (phase, signal, code) in
        [(1, Signal::TERM, 143), (2, Signal::TERM, 143), (2, Signal::INT, 130), (3, Signal::TERM, 143)]
    {
        let daemon = start(&lab, "long", &["--loop"]);
        await_phase(&daemon, "long", phase);
        if phase == 2 {
            eventually("the toxics", secs(5), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
        }
        daemon.signal(signal);
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), code, "phase {phase}\n{}", daemon.stderr());
        assert!(
            daemon.stdout().ends_with("1        0       0             0        1\n"),
            "{}",
            daemon.stdout()
        );
    }
}

#[test]
fn a_signal_between_a_post_and_its_answer_leaves_no_toxic() {
    let lab = Lab::start(1);
    for misbehaviour in [Misbehaviour::HoldAnswer, Misbehaviour::HoldRequest] {
        let fake = FakeToxiproxy::before(&lab.toxiproxy);
        let post = fake.misbehave(Rule::on("POST", "/toxics"), misbehaviour);
        let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
        post.wait_caught(secs(10));
        daemon.signal(Signal::TERM);
        eventually("the signal to be taken", secs(5), || daemon.stderr().contains("SIGTERM"));
        post.release();
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 143, "{misbehaviour:?}\n{}", daemon.stderr());
        let deletes = fake.requests().iter().filter(|request| request.starts_with("DELETE")).count();
        assert_eq!(deletes, 1, "the toxic was on and was removed: {:?}", fake.requests());
    }
}

#[test]
fn a_second_signal_does_not_shorten_the_removal() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let delete = fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::HoldRequest);
    let daemon = start(&lab, "long", &["--toxiproxy", &fake.url()]);
    await_phase(&daemon, "long", 2);
    eventually("the toxics", secs(5), || ours(&lab.toxiproxy).len() == LONG_TOXICS);
    daemon.signal(Signal::TERM);
    delete.wait_caught(secs(10));
    for signal in [Signal::INT, Signal::TERM] {
        daemon.signal(signal);
        eventually("the signal to be taken", secs(5), || {
            daemon.stderr().contains(&format!(
                "{}: removal is in progress",
                if signal == Signal::INT { "SIGINT" } else { "SIGTERM" }
            ))
        });
    }
    assert!(!daemon.has_exited());
    delete.release();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 143, "{}", daemon.stderr());
}

#[test]
fn a_signal_ends_the_linger_at_once() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "slow", &["--linger", "10m"]);
    eventually("the end of the run", secs(10), || daemon.stderr().contains("success"));
    daemon.signal(Signal::INT);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 130, "{}", daemon.stderr());
}
