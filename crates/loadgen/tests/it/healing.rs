//! Connections that the peer closed while they were idle: no operation and no probe of a half-open breaker may use them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testkit::{Lab, Scrape, secs};

use crate::LOADGEN;
use crate::figures::{breaker, connections, ended, errors};
use crate::storm::fault::Fault;
use crate::storm::watch::WatchedLoadgen;

const SERVER: &str = "memcached1";
const OPEN_TIMEOUT: Duration = Duration::from_millis(500);
const WORKERS: u32 = 200;
/// Connections before the fault. It also closes those with an operation in progress.
const CONNECTIONS: f64 = 35.0;
/// Connections that must be idle when their peer closes them.
const IDLE: f64 = 10.0;
/// Attempts to end a fault while no probe is in progress.
const ATTEMPTS: usize = 5;

/// What happened after a fault ended.
struct Recovery {
    /// Operations that failed because their connection was closed. Without an operation in progress at the end of the fault,
    /// this happens only if a connection is used that was closed before.
    io_errors: f64,
    /// How often the breaker opened again. On a busy machine an operation may take longer than its 50 ms.
    reopened: u32,
    /// The time until the breaker closed for good.
    took: Duration,
}

fn io_errors(scrape: &Scrape) -> f64 {
    errors(scrape, SERVER, "io")
}

fn reopened(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_circuit_breaker_transitions_total", [("to", "open")])
}

/// The time of the breaker's last state change. It is the client's own time, because scrapes of a busy machine are late.
fn changed_at(scrape: &Scrape) -> SystemTime {
    let family = "memcache_circuit_breaker_state_change_timestamp_seconds";
    UNIX_EPOCH + Duration::from_secs_f64(scrape.value(family, [("server", SERVER)]).unwrap())
}

/// Measures one recovery. The breaker opens after the first few failures, so that most connections are idle when their peer
/// closes them. `None` if a probe may have been in progress when the fault ended: its connection was not idle then.
#[track_caller]
fn measure(fault: Fault, bound: u32) -> Option<Recovery> {
    let lab = Lab::start(1);
    lab.set("client.breaker.open_timeout", format!("{}ms", OPEN_TIMEOUT.as_millis()));
    lab.set("client.breaker.consecutive_failures", 5);
    let args = ["--think-time", "400ms", "--op-timeout", "50ms", "--connect-timeout", "50ms"];
    // With slow replies, many operations are in progress at once, and many connections are opened.
    lab.toxiproxy.add_toxic(SERVER, r#"{"name": "slow", "type": "latency", "attributes": {"latency": 20}}"#);
    let loadgen = WatchedLoadgen::start(LOADGEN, &lab, WORKERS, bound, &args);
    loadgen.until("there are enough connections", secs(10), |scrape| {
        connections(scrape, SERVER, "total") >= CONNECTIONS
    });
    lab.toxiproxy.delete_toxic(SERVER, "slow");

    fault.strike(&lab);
    let open = loadgen.until("the breaker opens", secs(10), |scrape| {
        breaker(scrape, SERVER) == 2.0 && connections(scrape, SERVER, "active") == 0.0
    });
    assert!(ended(&open, SERVER, "failed") >= 5.0);
    fault.heal(&lab);
    let healed = SystemTime::now();
    let open_throughout = changed_at(&loadgen.scrape()) == changed_at(&open);

    loadgen.wait_for_recovery(Duration::from_millis(700), secs(20));
    // Each closed connection is found before its next use or by the reaper.
    let end = loadgen.until("closed connections are found", secs(10), |scrape| {
        scrape.sum("memcache_pool_connections_closed_total", [("reason", "peer")]) >= IDLE
    });
    assert_eq!(breaker(&end, SERVER), 0.0);
    let took = changed_at(&end).duration_since(healed).unwrap_or_default();
    loadgen.ends_well();
    open_throughout.then(|| Recovery {
        io_errors: io_errors(&end) - io_errors(&open),
        reopened: (reopened(&end) - reopened(&open)) as u32,
        took,
    })
}

/// After the fault, no operation uses a closed connection. The breaker closes within its timeout and one second. If it opens
/// again, it has the same time once more.
#[track_caller]
fn recovers(fault: Fault, bound: u32) {
    let recovery = (0..ATTEMPTS).find_map(|_| measure(fault, bound));
    let Recovery { io_errors, reopened, took } =
        recovery.expect("in every attempt, a probe was in progress when the fault ended");
    assert_eq!(io_errors, 0.0, "operations used closed connections after {fault:?}");
    let most = (OPEN_TIMEOUT + secs(1)) * (1 + reopened);
    assert!(took <= most, "the breaker closed {took:?} after {fault:?}; it opened again {reopened} times");
}

#[test]
fn closed_connections_of_single_workers_are_not_used() {
    recovers(Fault::Refused, WORKERS);
}

#[test]
fn closed_connections_that_workers_share_are_not_used() {
    recovers(Fault::Refused, WORKERS / 2);
}

/// Toxiproxy closes the connections of a blackhole when the blackhole is removed.
#[test]
fn connections_closed_at_the_end_of_a_blackhole_are_not_used() {
    recovers(Fault::Blackhole, WORKERS);
}
