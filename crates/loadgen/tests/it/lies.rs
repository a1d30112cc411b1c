//! A memcached that lies on demand: each wrong answer is counted as what it is, exactly as often as it was given.

use fake_memcached::{FakeMemcached, Lie, When};
use testkit::{Daemon, Lab, Scrape, Signal, eventually, scale, secs};

use crate::LOADGEN;
use crate::figures::{errors, failed, succeeded};

/// No deadline passes, on a busy machine either.
const PATIENT: [&str; 2] = ["--op-timeout", "20s"];
/// A deadline passes where a lie makes it pass.
const SHORT: [&str; 2] = ["--op-timeout", "2s"];

const SERVER: &str = "memcached1";

/// A lab whose only node is the fake memcached: many operations on few keys, and no breaker in the way.
struct LyingLab {
    lab: Lab,
    node: FakeMemcached,
}

impl LyingLab {
    fn new() -> Self {
        let (lab, node) = (Lab::start(1), FakeMemcached::start().unwrap());
        lab.set("client.breaker.failure_ratio", 1.0);
        lab.set("client.breaker.min_requests", 1_000_000_000);
        lab.set("client.breaker.consecutive_failures", 1_000_000_000);
        lab.set("loadgen.keys", 20);
        Self { lab, node }
    }

    /// Under load, all that was read so far right.
    fn loadgen(&self, timeout: [&str; 2], args: &[&str]) -> Daemon {
        let servers = format!("{SERVER}={}", self.node.addr());
        let fixed = ["--servers", &servers, "--think-time", "1ms", "--connect-timeout", "20s"];
        let loadgen = self.lab.loadgen(LOADGEN, fixed.iter().chain(&timeout).chain(args));
        let clean =
            loadgen.scrape_until("load runs", secs(30), |scrape| succeeded(scrape) > scale(500.0, 5_000.0));
        assert_eq!((failed(&clean), late(&clean)), (0.0, 0.0));
        loadgen
    }

    fn told(&self, lies: &[Lie]) -> f64 {
        lies.iter().map(|lie| self.node.lie_count(*lie) as f64).sum()
    }

    /// Waits until these lies were told so often each, and no more come.
    fn lies(&self, lies: &[Lie], times: u64) {
        eventually("the lies are told", secs(30), || {
            lies.iter().all(|lie| self.node.lie_count(*lie) >= times)
        });
        self.node.clear_lies();
    }
}

fn corrupt(scrape: &Scrape, kind: &str) -> f64 {
    scrape.sum("memcache_corrupt_reads_total", [("kind", kind)])
}

fn late(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_late_writes_total", [])
}

/// A scrape that every operation under way now is part of.
fn settled(loadgen: &Daemon) -> Scrape {
    let before = succeeded(&loadgen.scrape());
    loadgen
        .scrape_until("everything under way has ended", secs(30), |scrape| succeeded(scrape) > before + 300.0)
}

fn ends_well(loadgen: &Daemon) {
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(20)), 0);
    assert!(!loadgen.stderr().contains("panicked"), "{}", loadgen.stderr());
}

#[test]
fn every_wrong_value_is_counted_as_often_as_it_was_told() {
    let court = LyingLab::new();
    let loadgen = court.loadgen(PATIENT, &["--concurrency", "8"]);
    let (torn, wrong_key, stale) = ([Lie::Cut, Lie::Splice, Lie::Flip], [Lie::Swap], [Lie::Stale]);
    let mut all = Vec::new();
    for (lie, every) in [torn.as_slice(), &wrong_key, &stale].concat().into_iter().zip([31, 37, 41, 43, 5]) {
        court.node.add_lie(lie, When::Every(every));
        all.push(lie);
    }
    court.lies(&all, scale(20, 200));
    let scrape = settled(&loadgen);
    for (kind, lies) in [("torn", torn.as_slice()), ("wrong_key", &wrong_key), ("stale", &stale)] {
        assert_eq!(corrupt(&scrape, kind), court.told(lies), "{kind}");
    }
    assert_eq!(errors(&scrape, SERVER, "corrupt"), court.told(&all));
    assert_eq!(failed(&scrape), court.told(&all), "nothing else failed");
    assert_eq!((late(&scrape), court.node.late_read_count()), (0.0, 0));

    let log = loadgen.stderr();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("wrong value read")).collect();
    assert_eq!(told.len(), 1, "only the first is told: {log}");
    for part in ["ERROR", "server=\"memcached1\"", "key=key:00000000", "found=", "recent=-", "us get key:"] {
        assert!(told[0].contains(part), "{part}: {}", told[0]);
    }
    ends_well(&loadgen);
}

#[test]
fn a_run_may_fail_on_a_wrong_value() {
    // Nor does a file that cannot be written hide it.
    let unwritten = "--histogram=/dev/full";
    for (extra, lies, code) in [
        (["--fail-on-corrupt", "--seed=1"], 1, 1),
        (["--fail-on-corrupt", unwritten], 1, 1),
        (["--fail-on-corrupt", "--seed=1"], 0, 0),
        (["--seed=1", "--duration=1h"], 1, 0),
    ] {
        let court = LyingLab::new();
        let loadgen = court.loadgen(PATIENT, &[&["--concurrency", "2"], &extra[..]].concat());
        if lies > 0 {
            court.node.add_lie(Lie::Flip, When::Times(lies));
            court.lies(&[Lie::Flip], lies);
            settled(&loadgen);
        }
        loadgen.signal(Signal::TERM);
        assert_eq!(loadgen.wait_exit(secs(20)), code, "{extra:?}");
        assert!(loadgen.stdout().contains("wrong values: "), "the summary is there all the same");
        let told = loadgen.stderr().contains("error: wrong values were read: 1");
        assert_eq!(told, code == 1, "{}", loadgen.stderr());
    }
}

#[test]
fn a_held_write_that_lands_after_its_deadline_is_late_and_not_stale() {
    let court = LyingLab::new();
    // Mostly reads, so that what landed late is read before it is replaced.
    let loadgen = court.loadgen(SHORT, &["--concurrency", "8", "--workload", "get-heavy"]);
    court.node.add_lie(Lie::HoldSet, When::Times(10));
    eventually("the clients of the held writes are gone", secs(30), || court.node.abandoned_count() == 10);
    let before = settled(&loadgen);
    assert_eq!(errors(&before, SERVER, "timeout"), 10.0);
    assert_eq!(late(&before), 0.0);
    assert_eq!(court.node.release().late_writes, 10);
    eventually("a late value is read", secs(30), || court.node.late_read_count() > 0);
    let after = settled(&loadgen);
    assert!(late(&after) > 0.0);
    assert!(late(&after) <= 10.0, "each late write counts once");
    assert_eq!(after.sum("memcache_corrupt_reads_total", []), 0.0);
    assert_eq!(failed(&after), 10.0);
    ends_well(&loadgen);
}

#[test]
fn a_reply_that_comes_too_late_never_answers_another_request() {
    let court = LyingLab::new();
    let loadgen = court.loadgen(SHORT, &["--concurrency", "8"]);
    court.node.add_lie(Lie::Delay, When::Times(20));
    eventually("the clients of the delayed replies are gone", secs(30), || {
        court.node.abandoned_count() == 20
    });
    let counts = court.node.release();
    assert_eq!((counts.ghost_replies, counts.undelivered), (0, 20), "no connection outlives a deadline");
    let after = settled(&loadgen);
    assert_eq!(errors(&after, SERVER, "timeout"), 20.0);
    assert_eq!(failed(&after), 20.0);
    assert_eq!(after.sum("memcache_corrupt_reads_total", []), 0.0);
    let closed = |reason| after.sum("memcache_pool_connections_closed_total", [("reason", reason)]);
    assert_eq!((closed("timeout"), closed("error")), (20.0, 0.0));
    ends_well(&loadgen);
}

#[test]
fn broken_replies_are_errors_of_their_kind() {
    for (lie, error, closed) in [
        (Lie::Truncate, "io", "error"),
        (Lie::Reset, "io", "error"),
        (Lie::Garbage, "protocol", "error"),
        (Lie::Huge, "protocol", "error"),
        (Lie::ServerError, "server_error", ""),
    ] {
        let court = LyingLab::new();
        let loadgen = court.loadgen(PATIENT, &["--concurrency", "4"]);
        let before = loadgen.scrape();
        court.node.add_lie(lie, When::Times(25));
        court.lies(&[lie], 25);
        let after = settled(&loadgen);
        assert_eq!(errors(&after, SERVER, error), 25.0, "{lie:?}");
        assert_eq!(failed(&after), 25.0, "{lie:?}");
        assert_eq!(after.sum("memcache_corrupt_reads_total", []), 0.0, "{lie:?}");
        let gone = after.sum("memcache_pool_connections_closed_total", [("reason", "error")]);
        assert_eq!(gone, if closed.is_empty() { 0.0 } else { 25.0 }, "{lie:?}");
        let memory = |scrape: &Scrape| scrape.value("process_resident_memory_bytes", []).unwrap();
        assert!(memory(&after) < memory(&before) + 16e6, "{lie:?} costs no memory");
        ends_well(&loadgen);
    }
}

#[test]
fn connections_that_never_answer_cost_a_deadline_each_and_no_worker() {
    let court = LyingLab::new();
    let loadgen = court.loadgen(SHORT, &["--concurrency", "4"]);
    // The workers' connections are there already: resets make them dial mute ones.
    court.node.add_lie(Lie::HalfOpen, When::Times(8));
    court.node.add_lie(Lie::Reset, When::Times(4));
    court.lies(&[Lie::HalfOpen, Lie::Reset], 4);
    let after = settled(&loadgen);
    assert_eq!(errors(&after, SERVER, "timeout"), court.told(&[Lie::HalfOpen]));
    assert_eq!(errors(&after, SERVER, "io"), court.told(&[Lie::Reset]));
    assert_eq!(after.value("loadgen_workers", []), Some(4.0));
    ends_well(&loadgen);
}
