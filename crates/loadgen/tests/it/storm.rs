//! One fault after the other, with real parts: what holds during all of them, and how fast the load recovers.

pub(crate) mod fault;
pub(crate) mod watch;

use std::time::Duration;

use testkit::{Lab, Scrape, report, scale, secs};

use crate::LOADGEN;
use crate::figures::{breaker, ended, errors};
use fault::Fault;
use watch::{WatchedLoadgen, pooled, resident};

const OPEN_TIMEOUT: Duration = Duration::from_millis(200);
/// Long enough for a machine that is busy with other tests, and short enough to recover in time after a probe that hangs.
const OP_TIMEOUT: Duration = Duration::from_millis(400);
/// Operations per second.
const RATE: u32 = 1_000;
/// The number of operations that start within one operation timeout. So a node that hangs does not take the workers of other
/// nodes.
const WORKERS: u32 = 400;
/// More than the operations of one node within one operation timeout, so that no operation waits for a connection.
const CONNECTIONS: u32 = 200;

fn lab() -> Lab {
    let lab = Lab::start(3);
    lab.set("client.breaker.open_timeout", format!("{}ms", OPEN_TIMEOUT.as_millis()));
    lab.set("client.op_timeout", format!("{}ms", OP_TIMEOUT.as_millis()));
    lab.set("loadgen.max_start_delay", format!("{}ms", OP_TIMEOUT.as_millis()));
    lab
}

fn open_loop(lab: &Lab) -> WatchedLoadgen {
    WatchedLoadgen::start(LOADGEN, lab, WORKERS, CONNECTIONS, &["--rate", &RATE.to_string()])
}

/// One breaker timeout and a second after any fault is removed, every operation is sent and succeeds again. At every scrape
/// all workers run, no wrong value was read, and there are not too many connections.
#[track_caller]
fn survives(fault: Fault) {
    let lab = lab();
    let loadgen = open_loop(&lab);
    fault.strike(&lab);
    let bitten = loadgen.until("the fault takes effect", secs(10), |scrape| {
        // Open or half-open: most of the time a probe hangs, so the breakers of three nodes are rarely open at once.
        fault.struck().iter().all(|node| ended(scrape, node, "failed") > 10.0 && breaker(scrape, node) != 0.0)
    });
    for spared in ["memcached2", "memcached3"].iter().filter(|node| !fault.struck().contains(node)) {
        assert_eq!(ended(&bitten, spared, "failed"), 0.0, "{fault:?} affects {spared}");
    }
    fault.heal(&lab);
    let healed = std::time::Instant::now();
    let recovered = loadgen.wait_for_recovery(Duration::from_millis(500), secs(15));
    let took = recovered.saturating_duration_since(healed);
    assert!(took <= OPEN_TIMEOUT + secs(1), "{fault:?}: operations failed for {took:?} after it was gone");
    let rate = loadgen.successes_per_second(secs(2));
    assert!(rate > 0.9 * f64::from(RATE), "{fault:?}: {rate:.0} operations per second of {RATE}");
    loadgen.ends_well();
}

#[test]
fn a_killed_memcached() {
    survives(Fault::NodeKilled);
}

#[test]
fn a_half_open_memcached() {
    survives(Fault::NodePaused);
}

#[test]
fn a_killed_toxiproxy() {
    survives(Fault::ProxyKilled);
}

#[test]
fn resets() {
    survives(Fault::Reset);
}

#[test]
fn replies_that_are_released_late() {
    survives(Fault::RepliesHeld);
}

#[test]
fn requests_that_are_released_late() {
    survives(Fault::RequestsHeld);
}

#[test]
fn a_black_node() {
    survives(Fault::Blackhole);
}

#[test]
fn all_nodes_black() {
    survives(Fault::AllBlack);
}

/// Operations of the nodes without a fault, by duration: pairs of an upper edge in seconds and a cumulative count.
#[derive(Default)]
struct Durations(Vec<(f64, f64)>);

impl Durations {
    fn add(&mut self, from: &Scrape, to: &Scrape) {
        let family = "memcache_operation_duration_seconds_bucket";
        let edges = to.matching(family, [("server", "memcached2"), ("operation", "get")]);
        let edges: Vec<_> = edges.iter().map(|bucket| bucket.labels["le"].clone()).collect();
        self.0.resize(edges.len(), (0.0, 0.0));
        for (known, edge) in self.0.iter_mut().zip(edges) {
            known.0 = if edge == "+Inf" { f64::INFINITY } else { edge.parse().unwrap() };
            for server in ["memcached2", "memcached3"] {
                let labels = [("server", server), ("le", edge.as_str())];
                known.1 += to.sum(family, labels) - from.sum(family, labels);
            }
        }
    }

    fn count(&self) -> f64 {
        self.0.last().map_or(0.0, |(_, count)| *count)
    }

    /// The lower and the upper edge of the bucket with the 99th percentile, in seconds.
    fn p99(&self) -> (f64, f64) {
        let at = self.0.iter().position(|(_, count)| *count >= 0.99 * self.count()).unwrap();
        (at.checked_sub(1).map_or(0.0, |below| self.0[below].0), self.0[at].0)
    }
}

/// While one node is black, the 99th percentile of operations on the other nodes is at most twice the value without the fault.
#[test]
fn a_black_node_does_not_raise_the_p99_of_other_nodes() {
    let lab = lab();
    let loadgen = open_loop(&lab);
    let (mut calm, mut black) = (Durations::default(), Durations::default());
    // In turns, so that a machine that is busy for some time affects both.
    for _ in 0..scale(3, 10) {
        calm.add(&loadgen.scrape(), &loadgen.after(secs(1)));
        let before = loadgen.scrape();
        Fault::Blackhole.strike(&lab);
        black.add(&before, &loadgen.after(secs(1)));
        assert!(errors(&loadgen.scrape(), "memcached1", "timeout") > 10.0);
        Fault::Blackhole.heal(&lab);
        loadgen.wait_for_recovery(Duration::from_millis(100), secs(10));
    }
    let ((_, calm_most), (black_least, black_most)) = (calm.p99(), black.p99());
    let ms = |seconds: f64| format!("{} ms", seconds * 1e3);
    report(
        "p99 of operations on the other nodes, with one of three nodes black",
        [format!(
            "at most {} ({} operations), at most {} without the fault ({} operations)",
            ms(black_most),
            black.count(),
            ms(calm_most),
            calm.count()
        )],
    );
    assert!(black.count() > 400.0 * scale(3.0, 10.0) && calm.count() > 400.0 * scale(3.0, 10.0));
    // Buckets only have limits: the lower edge with the fault is compared with twice the upper edge without it.
    assert!(black_least <= 2.0 * calm_most, "p99 above {}, {} without", ms(black_least), ms(calm_most));
    loadgen.ends_well();
}

/// After any number of faults of every kind, there are as many descriptors and connections as before, and memory has grown by
/// no more than the allocator keeps.
#[test]
fn fault_cycles_leak_nothing() {
    const GROWTH_MIB: f64 = 2.0;
    const WORKERS: u32 = 20;
    let lab = Lab::start(3);
    lab.set("client.breaker.open_timeout", "50ms");
    lab.set("client.breaker.consecutive_failures", 10);
    // Few keys, so that the history of each key has its full size before memory is first measured.
    lab.set("loadgen.keys", 1_000);
    let args = ["--think-time", "2ms", "--op-timeout", "50ms", "--connect-timeout", "50ms"];
    let loadgen = WatchedLoadgen::start(LOADGEN, &lab, WORKERS, WORKERS, &args);
    let full = f64::from(WORKERS) * 3.0;
    let settled = |what: &str| loadgen.until(what, secs(15), |scrape| pooled(scrape, 3) == full);
    let fds = |scrape: &Scrape| scrape.value("process_open_fds", []).unwrap();
    let start = settled("every worker is connected to every node");

    let (cycles, begin) = (scale(20_u32, 1_000), std::time::Instant::now());
    let mut warm = None;
    for (cycle, fault) in (1..=cycles).zip(Fault::EVERY.into_iter().cycle()) {
        let before = loadgen.scrape();
        fault.strike(&lab);
        loadgen.until(&format!("{fault:?} takes effect in cycle {cycle}"), secs(10), |scrape| {
            fault.struck().iter().all(|node| ended(scrape, node, "failed") > ended(&before, node, "failed"))
        });
        fault.heal(&lab);
        let before = loadgen.scrape();
        let after = loadgen.until(&format!("{fault:?} is over in cycle {cycle}"), secs(10), |scrape| {
            let served = |node| ended(scrape, node, "success") > ended(&before, node, "success") + 5.0;
            fault.struck().iter().all(|node| breaker(scrape, node) == 0.0 && served(node))
        });
        if cycle as usize == Fault::EVERY.len() {
            warm = Some(resident(&after));
        }
    }
    let took = begin.elapsed().as_secs_f64() / f64::from(cycles);

    let end = loadgen.until("descriptors and connections are as before", secs(15), |scrape| {
        pooled(scrape, 3) == full && fds(scrape) <= fds(&start)
    });
    let (warm, last) = (warm.unwrap(), resident(&end));
    report(
        &format!("{cycles} fault cycles of {} kinds", Fault::EVERY.len()),
        [
            format!("descriptors: {} before, {} after", fds(&start), fds(&end)),
            format!("resident memory: {warm:.1} MiB after one of each kind, {last:.1} MiB at the end"),
            format!(
                "{:.0} connections made, {took:.2} s a cycle",
                end.sum("memcache_pool_connections_created_total", [])
            ),
        ],
    );
    assert!(last - warm <= GROWTH_MIB, "resident memory grew from {warm:.1} to {last:.1} MiB");
    loadgen.ends_well();
}
