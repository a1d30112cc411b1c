//! The load under faults, with real parts: what is affected, what is not, and what recovers.

use std::time::{Duration, Instant};

use testkit::{Daemon, Lab, Scrape, Signal, secs};

use crate::LOADGEN;
use crate::figures::{breaker, connections, ended, errors, failed, mean, rejected, succeeded};
use crate::setup::{BLACKHOLE, disable_breakers};

/// Starts a closed loop, in which the number of operations in progress is known. The think time is 10 ms by default.
fn running<const N: usize>(lab: &Lab, args: [&str; N]) -> Daemon {
    let think: &[&str] = if args.contains(&"--think-time") { &[] } else { &["--think-time", "10ms"] };
    let loadgen = lab.loadgen(LOADGEN, args.iter().chain(think));
    loadgen.scrape_until("load runs on every node", secs(10), |scrape| {
        (1..=lab.nodes.len()).all(|n| ended(scrape, &format!("memcached{n}"), "success") > 50.0)
    });
    loadgen
}

/// Waits until a node has 50 more successes and a closed breaker.
#[track_caller]
fn heals(loadgen: &Daemon, server: &str) -> Scrape {
    let before = loadgen.scrape();
    loadgen.scrape_until("the node is in use again", secs(15), |scrape| {
        ended(scrape, server, "success") > ended(&before, server, "success") + 50.0
            && breaker(scrape, server) == 0.0
    })
}

#[test]
fn added_latency_affects_only_its_node() {
    let lab = Lab::start(3);
    let loadgen = running(&lab, ["--concurrency", "20"]);
    lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 100}}"#);
    // Operations that were in progress when the toxic was added are not measured.
    let settled = loadgen.scrape();
    loadgen.scrape_until("ten slow operations", secs(10), |scrape| {
        ended(scrape, "memcached1", "success") > ended(&settled, "memcached1", "success") + 40.0
    });
    let before = loadgen.scrape();
    let after = loadgen.scrape_until("more slow operations", secs(10), |scrape| {
        ended(scrape, "memcached1", "success") > ended(&before, "memcached1", "success") + 50.0
    });
    for family in ["memcache_operation_duration_seconds", "memcache_operation_service_seconds"] {
        let slow = mean(family, "memcached1", &before, &after);
        assert!((0.1..0.25).contains(&slow), "{family}: {slow}");
        for bystander in ["memcached2", "memcached3"] {
            let fast = mean(family, bystander, &before, &after);
            assert!(fast < 0.05, "{family} of {bystander}: {fast}");
        }
    }
    assert_eq!(failed(&after), 0.0);
}

#[test]
fn a_restarted_memcached_is_used_again() {
    let lab = Lab::start(2);
    lab.set("client.breaker.open_timeout", "500ms");
    let loadgen = running(&lab, ["--concurrency", "20"]);
    lab.nodes[0].kill();
    loadgen.scrape_until("the node's end is noticed", secs(10), |scrape| {
        ended(scrape, "memcached1", "failed") > 5.0
    });
    lab.nodes[0].restart();
    let healed = heals(&loadgen, "memcached1");
    assert_eq!(ended(&healed, "memcached2", "failed"), 0.0);
    assert_eq!(healed.value("loadgen_workers", []), Some(20.0), "all workers run");
    assert!(errors(&healed, "memcached1", "io") > 0.0);
    assert!(
        healed.sum("memcache_misses_total", [("server", "memcached1")]) > 0.0,
        "the restarted node is empty"
    );
    assert_eq!(healed.sum("memcache_corrupt_reads_total", []), 0.0);
}

#[test]
fn the_load_survives_a_restart_of_toxiproxy() {
    let lab = Lab::start(2);
    lab.set("client.breaker.open_timeout", "500ms");
    let loadgen = running(&lab, ["--concurrency", "20"]);
    lab.toxiproxy.kill();
    loadgen.scrape_until("refused dials are counted", secs(10), |scrape| {
        errors(scrape, "memcached1", "connect") > 0.0 && errors(scrape, "memcached2", "connect") > 0.0
    });
    lab.toxiproxy.restart();
    heals(&loadgen, "memcached1");
    let healed = heals(&loadgen, "memcached2");
    assert_eq!(healed.value("loadgen_workers", []), Some(20.0), "all workers run");
}

/// The CPU seconds per second over this time.
fn cpu(loadgen: &Daemon, over: Duration) -> f64 {
    let used = |scrape: &Scrape| scrape.value("process_cpu_seconds_total", []).unwrap();
    let (before, start) = (used(&loadgen.scrape()), Instant::now());
    let after = loadgen.scrape_until("time passes", over * 3, |_| start.elapsed() >= over);
    (used(&after) - before) / start.elapsed().as_secs_f64()
}

#[test]
fn a_blackhole_opens_one_breaker_and_costs_no_cpu() {
    let lab = Lab::start(3);
    let loadgen = running(&lab, ["--concurrency", "100"]);
    let baseline = cpu(&loadgen, secs(2));
    lab.toxiproxy.add_toxic("memcached1", BLACKHOLE);
    let open =
        loadgen.scrape_until("the breaker opens", secs(10), |scrape| breaker(scrape, "memcached1") == 2.0);
    assert!(errors(&open, "memcached1", "timeout") > 0.0);
    let during = cpu(&loadgen, secs(3));
    testkit::report(
        "loadgen's CPU with one of three nodes black",
        [format!("{during:.3} of a core, {baseline:.3} before the fault")],
    );
    assert!(during < 2.0 * baseline, "CPU {during:.3} with an open breaker, {baseline:.3} without");

    let black = loadgen.scrape();
    assert!(rejected(&black, "memcached1") > 0.0);
    let (healthy, other) = (ended(&black, "memcached2", "failed"), ended(&black, "memcached3", "failed"));
    assert_eq!((healthy, other), (0.0, 0.0), "the other nodes stay clean");

    lab.toxiproxy.delete_toxic("memcached1", "hole");
    let healed = heals(&loadgen, "memcached1");
    let changed = healed
        .value("memcache_circuit_breaker_state_change_timestamp_seconds", [("server", "memcached1")])
        .unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(changed > 0.0 && changed <= now && now - changed < 30.0, "closed at {changed}, now {now}");
    assert_eq!(connections(&healed, "memcached2", "total"), 100.0);
}

/// Without a think time and without the refusal cost, an open breaker would cause a busy loop.
#[test]
fn each_refusal_is_followed_by_a_pause_of_a_millisecond() {
    let lab = Lab::start(1);
    let loadgen = running(&lab, ["--concurrency", "10", "--think-time", "0"]);
    lab.toxiproxy.enable("memcached1", false);
    loadgen.scrape_until("the breaker opens", secs(10), |scrape| breaker(scrape, "memcached1") == 2.0);
    let (before, start) = (rejected(&loadgen.scrape(), "memcached1"), Instant::now());
    let after = loadgen.scrape_until("a second passes", secs(5), |_| start.elapsed() >= secs(1));
    let per_worker_second = (rejected(&after, "memcached1") - before) / start.elapsed().as_secs_f64() / 10.0;
    assert!(
        per_worker_second > 10.0 && per_worker_second <= 1_000.0,
        "{per_worker_second} refusals per second"
    );
}

#[test]
fn workers_wait_if_there_are_fewer_connections() {
    let lab = Lab::start(1);
    // An open breaker would end the exhaustion.
    disable_breakers(&lab);
    let args = [
        "--concurrency",
        "20",
        "--pool-size",
        "3",
        "--threads",
        "2",
        "--op-timeout",
        "200ms",
        "--think-time",
        "0",
    ];
    let loadgen = running(&lab, args);
    lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 60}}"#);
    let mut most: f64 = 0.0;
    let after = loadgen.scrape_until("the pool is exhausted", secs(15), |scrape| {
        most = most.max(connections(scrape, "memcached1", "total"));
        errors(scrape, "memcached1", "pool_exhausted") > 10.0
    });
    assert_eq!(most, 3.0);
    assert!(after.sum("memcache_pool_acquire_errors_total", []) > 0.0);
    assert!(after.sum("memcache_pool_acquire_duration_seconds_sum", []) > 1.0, "waiting was measured");
    let upstream = lab.nodes[0].stats()["curr_connections"].parse::<f64>().unwrap();
    // memcached also counts its listener, the connection of this test, and those of the probes: one through the proxy, one past it.
    assert!(upstream <= 3.0 + 5.0, "{upstream} connections at the node");
}

#[test]
fn every_family_changes_except_those_that_must_stay_at_zero() {
    let lab = Lab::start(3);
    lab.set("client.breaker.open_timeout", "300ms");
    let loadgen = running(&lab, ["--concurrency", "30", "--op-timeout", "100ms"]);
    lab.toxiproxy.add_toxic("memcached1", BLACKHOLE);
    let stuck = loadgen.scrape_until("operations are stuck and the breaker has opened", secs(10), |scrape| {
        scrape.sum("memcache_operations_in_flight", []) > 0.0
            && scrape.sum("memcache_circuit_breaker_rejected_total", []) > 0.0
            && scrape.sum("memcache_error_rate", []) > 0.0
            && connections(scrape, "memcached1", "active") > 0.0
    });
    lab.toxiproxy.enable("memcached2", false);
    // The failures in the breaker's window are a gauge, so they are read while they are in the window.
    let refused = loadgen
        .scrape_until("a dial is refused", secs(10), |scrape| errors(scrape, "memcached2", "connect") > 0.0);
    lab.toxiproxy.delete_toxic("memcached1", "hole");
    lab.toxiproxy.enable("memcached2", true);
    heals(&loadgen, "memcached1");
    let last = heals(&loadgen, "memcached2");

    let still = [
        "memcache_operation_start_lateness_seconds",
        "memcache_corrupt_reads",
        "memcache_foreign_values",
        "loadgen_target_rate",
        "loadgen_queue_depth",
        "loadgen_operations_dropped",
        "memcache_resilience_refused_label_sets",
    ];
    let mut unmoved = Vec::new();
    // A write whose reply was lost in a closed proxy may be read later or not.
    // The machine may stall or not.
    let either = ["memcache_late_writes_total", "loadgen_stalled_seconds_total"];
    let ours = |name: &str| name.starts_with("memcache_") || name.starts_with("loadgen_");
    for family in last.types().keys().filter(|name| ours(name) && !either.contains(&name.as_str())) {
        let plain = family.strip_suffix("_total").unwrap_or(family);
        let names = [plain.to_owned(), format!("{plain}_total"), format!("{plain}_count")];
        let sum = |scrape: &Scrape| names.iter().map(|name| scrape.sum(name, [])).sum::<f64>();
        let moved = [&stuck, &refused, &last].into_iter().any(|scrape| sum(scrape) > 0.0);
        if moved == still.contains(&plain) {
            unmoved.push((family, moved));
        }
    }
    assert!(unmoved.is_empty(), "{unmoved:?}");
    assert!(last.types().len() > 28, "{:?}", last.types());
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    assert!(succeeded(&last) > 0.0);
}
