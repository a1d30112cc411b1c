//! Many operations at full speed, with breakers that open in between: resident memory does not grow.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use testkit::{Lab, Scrape, eventually, report, scale, secs};

use crate::LOADGEN;
use crate::figures::{breaker, succeeded};
use crate::storm::watch::{WatchedLoadgen, resident};

const SERVER: &str = "memcached1";
/// The allowed growth of resident memory after the first tenth of the trips, in MiB.
const GROWTH_MIB: f64 = 2.0;
const WORKERS: u32 = 128;
/// The interval between scrapes, so that they take little CPU time from the load.
const SCRAPE_INTERVAL: Duration = Duration::from_millis(250);

/// The binary under test. For large numbers it is the release build in the same target folder, if there is one.
fn binary() -> (PathBuf, &'static str) {
    let tested = PathBuf::from(LOADGEN);
    let release = tested.with_file_name("../release/loadgen");
    match scale(None, Some(release)).filter(|release| release.is_file()) {
        Some(release) => (release, "release build"),
        None if cfg!(debug_assertions) => (tested, "debug build"),
        None => (tested, "release build"),
    }
}

fn trips(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_circuit_breaker_transitions_total", [("to", "open")])
}

#[test]
fn memory_does_not_grow_with_operations_and_breaker_trips() {
    let (total, rounds) = (scale(200_000.0, 50_000_000.0), scale(3_u32, 100));
    // One node, because that gives the most operations per second.
    let lab = Lab::start(1);
    lab.set("client.breaker.open_timeout", "50ms");
    lab.set("client.breaker.consecutive_failures", WORKERS / 2);
    // Few keys, so that the history of each key has its full size before memory is first measured.
    lab.set("loadgen.keys", 1_000);
    let servers = format!("{SERVER}={}", lab.nodes[0].addr());
    let (bin, build) = binary();
    let args = ["--servers", &servers, "--think-time", "0", "--op-timeout", "100ms"];
    let loadgen = WatchedLoadgen::start(bin, &lab, WORKERS, WORKERS, &args);

    let begin = (Instant::now(), succeeded(&loadgen.scrape()));
    let mut warm = None;
    for round in 1..=rounds {
        let share = total * f64::from(round) / f64::from(rounds);
        let mut next = Instant::now();
        eventually("its share of the operations is done", secs(600), || {
            Instant::now() >= next && {
                next = Instant::now() + SCRAPE_INTERVAL;
                succeeded(&loadgen.scrape()) >= share
            }
        });
        lab.nodes[0].pause();
        loadgen.until("the breaker trips", secs(15), |scrape| breaker(scrape, SERVER) == 2.0);
        lab.nodes[0].resume();
        let healed = loadgen.until("the breaker closes", secs(15), |scrape| breaker(scrape, SERVER) == 0.0);
        if round == rounds.div_ceil(10) {
            warm = Some((resident(&healed), succeeded(&healed)));
        }
    }
    let end = loadgen.scrape();
    let ((warm, warmed_at), last) = (warm.unwrap(), resident(&end));
    report(
        &format!("{:.0} operations, {:.0} breaker trips", succeeded(&end), trips(&end)),
        [
            format!(
                "resident memory: {warm:.1} MiB after {warmed_at:.0} operations, {last:.1} MiB at the end"
            ),
            format!(
                "{:.0} operations per second with the trips ({build}, {WORKERS} workers)",
                (succeeded(&end) - begin.1) / begin.0.elapsed().as_secs_f64()
            ),
        ],
    );
    assert!(succeeded(&end) >= total && trips(&end) >= f64::from(rounds));
    assert!(last - warm <= GROWTH_MIB, "resident memory grew from {warm:.1} to {last:.1} MiB");
    loadgen.ends_well();
}
