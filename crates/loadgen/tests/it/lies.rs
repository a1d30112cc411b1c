//! A fake memcached that lies on request: each wrong reply is counted with its kind, exactly as often as it was sent.

use fake_memcached::{FakeMemcached, Lie, When};
use testkit::{Daemon, Lab, Scrape, Signal, eventually, scale, secs};

use crate::LOADGEN;
use crate::figures::{corrupt, errors, failed, succeeded};
use crate::setup::disable_breakers;

/// Timeouts that are never reached, even on a busy machine.
const PATIENT: [&str; 2] = ["--op-timeout", "20s"];
/// Timeouts that are reached only because of a lie.
const SHORT: [&str; 2] = ["--op-timeout", "2s"];

const SERVER: &str = "memcached1";

/// A lab with the fake memcached as its only node: many operations on few keys, and breakers that never open.
struct LyingLab {
    lab: Lab,
    node: FakeMemcached,
}

impl LyingLab {
    fn new() -> Self {
        let (lab, node) = (Lab::start(1), FakeMemcached::start().unwrap());
        disable_breakers(&lab);
        lab.set("loadgen.keys", 20);
        Self { lab, node }
    }

    /// Starts loadgen and waits for operations, all of which must succeed.
    fn start_loadgen(&self, timeout: [&str; 2], args: &[&str]) -> Daemon {
        let servers = format!("{SERVER}={}", self.node.addr());
        let fixed = ["--servers", &servers, "--think-time", "1ms", "--connect-timeout", "20s"];
        let loadgen = self.lab.loadgen(LOADGEN, fixed.iter().chain(&timeout).chain(args));
        let clean =
            loadgen.scrape_until("load runs", secs(30), |scrape| succeeded(scrape) > scale(500.0, 5_000.0));
        assert_eq!((failed(&clean), late(&clean)), (0.0, 0.0));
        loadgen
    }

    fn times_told(&self, lies: &[Lie]) -> f64 {
        lies.iter().map(|lie| self.node.lie_count(*lie) as f64).sum()
    }

    /// Waits until each of these lies was told this number of times, and then stops lying.
    fn wait_for_lies(&self, lies: &[Lie], times: u64) {
        eventually("the lies are told", secs(30), || {
            lies.iter().all(|lie| self.node.lie_count(*lie) >= times)
        });
        self.node.clear_lies();
    }
}

fn late(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_late_writes_total", [])
}

/// A scrape after all operations that are in progress now have ended.
fn settled(loadgen: &Daemon) -> Scrape {
    let before = succeeded(&loadgen.scrape());
    loadgen.scrape_until("all operations in progress have ended", secs(30), |scrape| {
        succeeded(scrape) > before + 300.0
    })
}

fn ends_well(loadgen: &Daemon) {
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(20)), 0);
    assert!(!loadgen.stderr().contains("panicked"), "{}", loadgen.stderr());
}

#[test]
fn every_wrong_value_is_counted_exactly_once() {
    let lab = LyingLab::new();
    let loadgen = lab.start_loadgen(PATIENT, &["--concurrency", "8"]);
    let (torn, wrong_key, stale) = ([Lie::Cut, Lie::Splice, Lie::Flip], [Lie::Swap], [Lie::Stale]);
    let mut all = Vec::new();
    for (lie, every) in [torn.as_slice(), &wrong_key, &stale].concat().into_iter().zip([31, 37, 41, 43, 5]) {
        lab.node.add_lie(lie, When::Every(every));
        all.push(lie);
    }
    lab.wait_for_lies(&all, scale(20, 200));
    let scrape = settled(&loadgen);
    for (kind, lies) in [("torn", torn.as_slice()), ("wrong_key", &wrong_key), ("stale", &stale)] {
        assert_eq!(corrupt(&scrape, kind), lab.times_told(lies), "{kind}");
    }
    assert_eq!(errors(&scrape, SERVER, "corrupt"), lab.times_told(&all));
    assert_eq!(failed(&scrape), lab.times_told(&all), "nothing else failed");
    assert_eq!((late(&scrape), lab.node.late_read_count()), (0.0, 0));

    let log = loadgen.stderr();
    let wrong_values: Vec<&str> = log.lines().filter(|line| line.contains("wrong value read")).collect();
    assert_eq!(wrong_values.len(), 1, "only the first one is logged: {log}");
    for part in ["ERROR", "server=\"memcached1\"", "key=key:00000000", "found=", "recent=-", "us get key:"] {
        assert!(wrong_values[0].contains(part), "{part}: {}", wrong_values[0]);
    }
    ends_well(&loadgen);
}

#[test]
fn a_wrong_value_fails_the_run_if_requested() {
    // A file that cannot be written must not hide the wrong value.
    let unwritten = "--histogram=/dev/full";
    for (extra, lies, code) in [
        (["--fail-on-corrupt", "--seed=1"], 1, 1),
        (["--fail-on-corrupt", unwritten], 1, 1),
        (["--fail-on-corrupt", "--seed=1"], 0, 0),
        (["--seed=1", "--json"], 1, 0),
        (["--fail-on-corrupt", "--duration=1h"], 1, 1),
    ] {
        let lab = LyingLab::new();
        let loadgen = lab.start_loadgen(PATIENT, &[&["--concurrency", "2"], &extra[..]].concat());
        if lies > 0 {
            lab.node.add_lie(Lie::Flip, When::Times(lies));
            lab.wait_for_lies(&[Lie::Flip], lies);
            settled(&loadgen);
        }
        loadgen.signal(Signal::TERM);
        assert_eq!(loadgen.wait_exit(secs(20)), code, "{extra:?}");
        let summary = loadgen.stdout();
        assert!(
            summary.contains("wrong values: ") || summary.contains("wrong_values"),
            "the summary is printed even then"
        );
        let reported = loadgen.stderr().contains("error: wrong values were read: 1");
        assert_eq!(reported, code == 1, "{}", loadgen.stderr());
    }
}

#[test]
fn a_write_that_takes_effect_after_its_timeout_is_late_and_not_stale() {
    let lab = LyingLab::new();
    // Mostly reads, so that the late values are read before they are replaced.
    let loadgen = lab.start_loadgen(SHORT, &["--concurrency", "8", "--workload", "get-heavy"]);
    lab.node.add_lie(Lie::HoldSet, When::Times(10));
    eventually("the clients of the held writes are gone", secs(30), || lab.node.abandoned_count() == 10);
    let before = settled(&loadgen);
    assert_eq!(errors(&before, SERVER, "timeout"), 10.0);
    assert_eq!(late(&before), 0.0);
    assert_eq!(lab.node.release().late_writes, 10);
    eventually("a late value is read", secs(30), || lab.node.late_read_count() > 0);
    let after = settled(&loadgen);
    assert!(late(&after) > 0.0);
    assert!(late(&after) <= 10.0, "each late write counts once");
    assert_eq!(after.sum("memcache_corrupt_reads_total", []), 0.0);
    assert_eq!(failed(&after), 10.0);
    ends_well(&loadgen);
}

#[test]
fn a_late_reply_is_never_taken_for_the_reply_to_another_request() {
    let lab = LyingLab::new();
    let loadgen = lab.start_loadgen(SHORT, &["--concurrency", "8"]);
    lab.node.add_lie(Lie::Delay, When::Times(20));
    eventually("the clients of the delayed replies are gone", secs(30), || lab.node.abandoned_count() == 20);
    let counts = lab.node.release();
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
fn broken_replies_are_errors_of_their_type() {
    for (lie, error, closed) in [
        (Lie::Truncate, "io", "error"),
        (Lie::Reset, "io", "error"),
        (Lie::Garbage, "protocol", "error"),
        (Lie::Huge, "protocol", "error"),
        (Lie::ServerError, "server_error", ""),
    ] {
        let lab = LyingLab::new();
        let loadgen = lab.start_loadgen(PATIENT, &["--concurrency", "4"]);
        let before = loadgen.scrape();
        lab.node.add_lie(lie, When::Times(25));
        lab.wait_for_lies(&[lie], 25);
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
fn connections_that_never_reply_cost_a_timeout_each_and_no_worker() {
    let lab = LyingLab::new();
    let loadgen = lab.start_loadgen(SHORT, &["--concurrency", "4"]);
    // The workers have connections already. Resets make them open new ones, which are mute.
    lab.node.add_lie(Lie::HalfOpen, When::Times(8));
    lab.node.add_lie(Lie::Reset, When::Times(4));
    lab.wait_for_lies(&[Lie::HalfOpen, Lie::Reset], 4);
    let after = settled(&loadgen);
    assert_eq!(errors(&after, SERVER, "timeout"), lab.times_told(&[Lie::HalfOpen]));
    assert_eq!(errors(&after, SERVER, "io"), lab.times_told(&[Lie::Reset]));
    assert_eq!(after.value("loadgen_workers", []), Some(4.0));
    ends_well(&loadgen);
}
