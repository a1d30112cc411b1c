//! The open loop with real parts: it sends the requested rate and counts what it cannot send.

use std::time::Instant;

use testkit::{Daemon, Lab, Scrape, secs};

use crate::LOADGEN;
use crate::figures::{breaker, dropped, ended, failed, succeeded};
use crate::setup::{BLACKHOLE, disable_breakers};

fn settled(scrape: &Scrape) -> f64 {
    succeeded(scrape) + failed(scrape) + dropped(scrape)
}

/// The share of operations, of those started between two scrapes, with a lateness of at most `edge` seconds. `edge` must be
/// the edge of a bucket.
fn punctual(edge: &str, before: &Scrape, after: &Scrape) -> f64 {
    let grown = |name: &str, edge: &str| {
        let name = format!("memcache_operation_start_lateness_seconds_{name}");
        let value = |scrape: &Scrape| match edge {
            "" => scrape.sum(&name, []),
            edge => scrape.sum(&name, [("le", edge)]),
        };
        value(after) - value(before)
    };
    grown("bucket", edge) / grown("count", "")
}

/// Two scrapes about `seconds` apart, and the exact time between them.
fn apart(loadgen: &Daemon, seconds: u64) -> (Scrape, Scrape, f64) {
    let (before, start) = (loadgen.scrape(), Instant::now());
    let after = loadgen.scrape_until("time passes", secs(60), |_| start.elapsed() >= secs(seconds));
    (before, after, start.elapsed().as_secs_f64())
}

/// The lab's load, as `just up` starts it.
#[test]
fn the_lab_reaches_its_rate_through_toxiproxy() {
    let lab = Lab::start(3);
    let loadgen = lab.loadgen(LOADGEN, ["--duration", "5s", "--json"]);
    let first = loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 100.0);
    assert_eq!(first.value("loadgen_target_rate", []), Some(3_000.0));
    assert_eq!(loadgen.wait_exit(secs(20)), 0);
    let summary: serde_json::Value = serde_json::from_str(&loadgen.stdout()).unwrap();
    testkit::report("the lab's own load for 5 s", [summary["start_lateness_seconds"].to_string()]);
    // One operation at the very start, and one every third of a millisecond, the last at the very end.
    let (sent, dropped) = (summary["operations"].as_u64().unwrap(), summary["dropped"].as_u64().unwrap());
    assert_eq!(sent + dropped, 15_001, "{summary}");
    // A busy machine may have no free CPU for up to 350 ms.
    assert!(dropped < 750, "{summary}");
}

/// The statistics of a node after a run with this seed: gets, sets, and the bytes received.
fn node_stats_after(seed: &str) -> [String; 3] {
    let lab = Lab::start(1);
    // The timeouts are long, so that nothing is dropped or given up.
    let args = "--rate 1000 --duration 2s --threads 2 --workload zipf --op-timeout 30s --max-start-delay 30s \
                --seed";
    assert_eq!(lab.loadgen(LOADGEN, args.split(' ').chain([seed])).wait_exit(secs(60)), 0);
    let stats = lab.nodes[0].stats();
    ["cmd_get", "cmd_set", "bytes_read"].map(|name| stats[name].clone())
}

#[test]
fn equal_seeds_send_equal_operations_even_on_a_busy_machine() {
    assert_eq!(node_stats_after("7"), node_stats_after("7"));
    assert_ne!(node_stats_after("7"), node_stats_after("8"));
}

/// The timeouts are long enough for a busy machine. An operation that is held back would wait for a second or more.
#[test]
fn a_black_node_does_not_delay_other_nodes() {
    let lab = Lab::start(3);
    let args = "--op-timeout 5s --connect-timeout 5s --max-start-delay 1s --concurrency 3000";
    let loadgen = lab.loadgen(LOADGEN, args.split(' '));
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 3_000.0);
    let before = loadgen.scrape();
    lab.toxiproxy.add_toxic("memcached1", BLACKHOLE);
    let open =
        loadgen.scrape_until("the breaker opens", secs(20), |scrape| breaker(scrape, "memcached1") == 2.0);
    // A scrape reads one counter after the other. So the reasons are read from a later scrape than the drops.
    let later = loadgen.scrape();
    let without_connection = |server| later.sum("memcache_pool_acquire_errors_total", [("server", server)]);
    // There were enough workers. Every dropped operation got no connection to the black node.
    let (dropped, exhausted) = (dropped(&open), without_connection("memcached1"));
    assert!(dropped > 0.0 && dropped <= exhausted, "{dropped} dropped, {exhausted} without a connection");
    assert_eq!(without_connection("memcached2") + without_connection("memcached3"), 0.0);
    assert!(punctual("0.5", &before, &open) > 0.9, "{}", punctual("0.5", &before, &open));
    // Up to 1,000 operations may still wait for a connection of the black node. They end in this time, too.
    let (before, after, seconds) = apart(&loadgen, 4);
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((2_500.0..3_500.0).contains(&rate), "{rate} op/s");
    assert_eq!(ended(&after, "memcached2", "failed") + ended(&after, "memcached3", "failed"), 0.0);
}

/// A node that is too slow for its number of connections is overloaded, and operations are dropped.
#[test]
fn only_an_overloaded_node_drops_operations() {
    let lab = Lab::start(2);
    disable_breakers(&lab);
    // 500 operations per second, with connections for 50.
    let args = "--rate 1000 --pool-size 10 --op-timeout 5s --max-start-delay 1s --concurrency 2000";
    let loadgen = lab.loadgen(LOADGEN, args.split(' '));
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 500.0);
    lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 200}}"#);
    let over = loadgen.scrape_until("operations are dropped", secs(20), |scrape| dropped(scrape) > 200.0);
    let later = loadgen.scrape();
    let exhausted = |server| later.sum("memcache_pool_acquire_errors_total", [("server", server)]);
    assert!(dropped(&over) <= exhausted("memcached1"), "{} {}", dropped(&over), exhausted("memcached1"));
    assert_eq!(
        exhausted("memcached2") + failed(&over),
        0.0,
        "a dropped operation is not a failed one, and does not affect the other node"
    );
    let (before, after, seconds) = apart(&loadgen, 2);
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((800.0..1_200.0).contains(&rate), "{rate} op/s");
}

/// With few workers and without breakers, each worker soon waits for the node that does not reply.
#[test]
fn operations_delayed_by_a_stalled_node_are_late_or_dropped() {
    let lab = Lab::start(2);
    disable_breakers(&lab);
    let args =
        ["--rate", "1000", "--concurrency", "20", "--op-timeout", "300ms", "--max-start-delay", "100ms"];
    let loadgen = lab.loadgen(LOADGEN, args);
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 500.0);
    lab.nodes[0].pause();
    let stuck = loadgen.scrape_until("operations are dropped", secs(10), |scrape| {
        dropped(scrape) > 500.0 && scrape.value("loadgen_queue_depth", []) > Some(0.0)
    });
    assert_eq!(stuck.value("loadgen_workers", []), Some(20.0));
    let (before, after, seconds) = apart(&loadgen, 2);
    assert!(punctual("0.05", &before, &after) < 0.9, "{}", punctual("0.05", &before, &after));
    // Every operation that was due was sent or dropped.
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((800.0..1_200.0).contains(&rate), "{rate} op/s");
    lab.nodes[0].resume();
    loadgen.scrape_until("no operation waits any more", secs(10), |scrape| {
        ended(scrape, "memcached1", "success") > ended(&after, "memcached1", "success") + 500.0
            && scrape.value("loadgen_queue_depth", []) < Some(5.0)
    });
}

#[test]
fn a_ramp_changes_the_rate() {
    let lab = Lab::start(1);
    let ramp = "name: up\nweights: { get: 100 }\nload: { from: 100, to: 2000, over: 4s }\n";
    std::fs::write(lab.folder().join("up.yaml"), ramp).unwrap();
    lab.set("loadgen.workload", "up.yaml");
    let loadgen = lab.loadgen(LOADGEN, [""; 0]);
    let target = |scrape: &Scrape| scrape.value("loadgen_target_rate", []).unwrap_or(0.0);
    let early = loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 10.0);
    assert!((100.0..2_000.0).contains(&target(&early)), "{}", target(&early));
    loadgen.scrape_until("the ramp ends", secs(20), |scrape| target(scrape) == 2_000.0);
    let (before, after, seconds) = apart(&loadgen, 2);
    let rate = (succeeded(&after) - succeeded(&before)) / seconds;
    assert!((1_700.0..2_300.0).contains(&rate), "{rate} op/s");
}
