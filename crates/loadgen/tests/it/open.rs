//! The open loop on real parts: it sends what it says, and what it cannot send is counted.

use std::time::Instant;

use testkit::{Daemon, Lab, Scrape, secs};

use crate::LOADGEN;
use crate::figures::{breaker, ended, failed, succeeded};

const BLACKHOLE: &str = r#"{"name": "hole", "type": "timeout", "attributes": {"timeout": 0}}"#;

fn dropped(scrape: &Scrape) -> f64 {
    scrape.sum("loadgen_operations_dropped_total", [])
}

fn settled(scrape: &Scrape) -> f64 {
    succeeded(scrape) + failed(scrape) + dropped(scrape)
}

/// Share of the operations started between two scrapes that started at most so late; `edge` is a bucket's, in seconds.
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

/// Two scrapes `seconds` apart, and how far apart they really are.
fn apart(loadgen: &Daemon, seconds: u64) -> (Scrape, Scrape, f64) {
    let (before, start) = (loadgen.scrape(), Instant::now());
    let after = loadgen.scrape_until("time passes", secs(60), |_| start.elapsed() >= secs(seconds));
    (before, after, start.elapsed().as_secs_f64())
}

/// The lab's own load, as `just up` starts it.
#[test]
fn the_rate_of_the_lab_is_reached_through_toxiproxy() {
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
    // Half a second without a CPU is the machine's doing.
    assert!(dropped < 750, "{summary}");
}

/// What a node has seen of a run of a seed: gets, sets, and the bytes of all keys and values.
fn done(seed: &str) -> [String; 3] {
    let lab = Lab::start(1);
    // Long deadlines: nothing is dropped or given up.
    let args = "--rate 1000 --duration 2s --threads 2 --workload zipf --op-timeout 30s --max-start-delay 30s \
                --seed";
    assert_eq!(lab.loadgen(LOADGEN, args.split(' ').chain([seed])).wait_exit(secs(60)), 0);
    let stats = lab.nodes[0].stats();
    ["cmd_get", "cmd_set", "bytes_read"].map(|name| stats[name].clone())
}

#[test]
fn equal_seeds_send_equal_operations_on_however_busy_a_machine() {
    assert_eq!(done("7"), done("7"));
    assert_ne!(done("7"), done("8"));
}

/// With deadlines that a busy machine keeps too: who was held back would wait for a second and more.
#[test]
fn a_black_node_holds_back_nobody_else() {
    let lab = Lab::start(3);
    let args = "--op-timeout 5s --connect-timeout 5s --max-start-delay 1s --concurrency 3000";
    let loadgen = lab.loadgen(LOADGEN, args.split(' '));
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 3_000.0);
    let before = loadgen.scrape();
    lab.toxiproxy.add_toxic("memcached1", BLACKHOLE);
    let open =
        loadgen.scrape_until("the breaker opens", secs(20), |scrape| breaker(scrape, "memcached1") == 2.0);
    // A scrape reads one counter after the other: whatever the first has counted as dropped, the second knows the reason of.
    let later = loadgen.scrape();
    let without_connection = |server| later.sum("memcache_pool_acquire_errors_total", [("server", server)]);
    // There were workers for all; what was dropped had none of the black node's connections.
    let (dropped, exhausted) = (dropped(&open), without_connection("memcached1"));
    assert!(dropped > 0.0 && dropped <= exhausted, "{dropped} dropped, {exhausted} without a connection");
    assert_eq!(without_connection("memcached2") + without_connection("memcached3"), 0.0);
    assert!(punctual("0.5", &before, &open) > 0.9, "{}", punctual("0.5", &before, &open));
    let (before, after, seconds) = apart(&loadgen, 2);
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((2_500.0..3_500.0).contains(&rate), "{rate} op/s");
    assert_eq!(ended(&after, "memcached2", "failed") + ended(&after, "memcached3", "failed"), 0.0);
}

/// A node that takes longer than its connections allow is overloaded, and the dropped operations say so.
#[test]
fn an_overloaded_node_drops_what_it_cannot_start_and_no_other_does() {
    let lab = Lab::start(2);
    lab.set("client.breaker.failure_ratio", 1.0);
    lab.set("client.breaker.consecutive_failures", 1_000_000);
    // 500 operations per second on connections that carry 50.
    let args = "--rate 1000 --pool-size 10 --op-timeout 5s --max-start-delay 1s --concurrency 2000";
    let loadgen = lab.loadgen(LOADGEN, args.split(' '));
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 500.0);
    lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 200}}"#);
    let over = loadgen.scrape_until("operations are dropped", secs(20), |scrape| dropped(scrape) > 200.0);
    let later = loadgen.scrape();
    let exhausted = |server| later.sum("memcache_pool_acquire_errors_total", [("server", server)]);
    assert!(dropped(&over) <= exhausted("memcached1"), "{} {}", dropped(&over), exhausted("memcached1"));
    assert_eq!(exhausted("memcached2") + failed(&over), 0.0, "dropped is neither failed nor another node's");
    let (before, after, seconds) = apart(&loadgen, 2);
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((800.0..1_200.0).contains(&rate), "{rate} op/s");
}

/// Few workers, and a breaker that is out of the way: each soon waits on the node that does not answer.
#[test]
fn what_a_stalled_node_holds_back_is_late_and_dropped_and_counted() {
    let lab = Lab::start(2);
    lab.set("client.breaker.failure_ratio", 1.0);
    lab.set("client.breaker.consecutive_failures", 1_000_000);
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
    // Sent or dropped: nothing due is missing from the count.
    let rate = (settled(&after) - settled(&before)) / seconds;
    assert!((800.0..1_200.0).contains(&rate), "{rate} op/s");
    lab.nodes[0].resume();
    loadgen.scrape_until("nothing waits any more", secs(10), |scrape| {
        ended(scrape, "memcached1", "success") > ended(&after, "memcached1", "success") + 500.0
            && scrape.value("loadgen_queue_depth", []) < Some(5.0)
    });
}

#[test]
fn a_ramp_moves_the_rate() {
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
