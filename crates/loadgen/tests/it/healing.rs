//! Connections that the other end closed while nobody used them: none of them costs an operation, least of all a probe
//! of a half-open breaker.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testkit::{Lab, secs};

use crate::LOADGEN;
use crate::figures::{breaker, connections, ended};
use crate::storm::fault::Fault;
use crate::storm::watch::WatchedLoadgen;

const SERVER: &str = "memcached1";
const OPEN_TIMEOUT: Duration = Duration::from_millis(500);
const WORKERS: u32 = 200;
/// Connections when the fault strikes; operations under way take some with them.
const CONNECTIONS: f64 = 35.0;
/// Those that nobody uses then. Each would cost a breaker timeout, and few of those are allowed.
const UNUSED: f64 = 10.0;

/// One breaker timeout and a second after the fault is gone, operations succeed again. A probe that a busy machine keeps
/// from its 50 ms costs another breaker timeout; dead connections cost one each, the second time as well.
#[track_caller]
fn heals(fault: Fault, bound: u32) {
    let most = OPEN_TIMEOUT + secs(1);
    let took = failed_for(fault, bound);
    if took > most {
        let again = failed_for(fault, bound);
        assert!(again <= most, "operations failed for {took:?}, then {again:?} after {fault:?} was gone");
    }
}

/// How long operations failed after the fault was gone. The breaker opens at the first few failures, so that most
/// connections are idle when their peer closes them.
#[track_caller]
fn failed_for(fault: Fault, bound: u32) -> Duration {
    let lab = Lab::start(1);
    lab.set("client.breaker.open_timeout", format!("{}ms", OPEN_TIMEOUT.as_millis()));
    lab.set("client.breaker.consecutive_failures", 5);
    let args = ["--think-time", "400ms", "--op-timeout", "50ms", "--connect-timeout", "50ms"];
    // Slow replies make every connection needed that there may be.
    lab.toxiproxy.add_toxic(SERVER, r#"{"name": "slow", "type": "latency", "attributes": {"latency": 20}}"#);
    let loadgen = WatchedLoadgen::start(LOADGEN, &lab, WORKERS, bound, &args);
    loadgen.until("connections enough are made", secs(10), |scrape| {
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
    loadgen.recovered(Duration::from_millis(700), secs(20));
    // By the clock of the client: a scrape of a busy machine comes late.
    let last = loadgen.scrape().value("memcache_last_error_timestamp_seconds", [("server", SERVER)]).unwrap();
    let took = (UNIX_EPOCH + Duration::from_secs_f64(last)).duration_since(healed).unwrap_or_default();
    assert_eq!(breaker(&loadgen.scrape(), SERVER), 0.0);
    // Each is found when it would be used, or by the reaper.
    loadgen.until("connections are found closed by their peer", secs(10), |scrape| {
        scrape.sum("memcache_pool_connections_closed_total", [("reason", "peer")]) >= UNUSED
    });
    loadgen.ends_well();
    took
}

#[test]
fn connections_that_their_workers_keep_are_not_used_once_closed_by_the_proxy() {
    heals(Fault::Refused, WORKERS);
}

#[test]
fn connections_that_workers_share_are_not_used_once_closed_by_the_proxy() {
    heals(Fault::Refused, WORKERS / 2);
}

/// Toxiproxy closes what a blackhole was on when it goes.
#[test]
fn connections_that_outlive_a_blackhole_are_not_used() {
    heals(Fault::Blackhole, WORKERS);
}
