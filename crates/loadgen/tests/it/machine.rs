//! What loadgen measures of the machine and of the nodes: waits for a CPU, late timers, both addresses of a node, and the
//! statistics of the nodes, read past the proxies.

use testkit::{Lab, Scrape, secs, workspace_bin};

const PROBES: &str = "memcache_probe_duration_seconds_count";

fn probes(scrape: &Scrape, server: &str, address: &str) -> f64 {
    scrape.sum(PROBES, [("server", server), ("address", address)])
}

fn up(scrape: &Scrape, server: &str) -> Option<f64> {
    scrape.value("memcached_up", [("server", server)])
}

#[test]
fn a_closed_loop_measures_the_machine_and_both_addresses_of_each_node() {
    let lab = Lab::start(2);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "4", "--think-time", "5ms"]);
    let scrape = loadgen.scrape_until("probes and statistics", secs(20), |page| {
        ["memcached1", "memcached2"].into_iter().all(|server| {
            probes(page, server, "dial") > 5.0
                && probes(page, server, "upstream") > 5.0
                && up(page, server) == Some(1.0)
        })
    });
    assert!(scrape.sum("loadgen_timer_lateness_seconds_count", []) > 10.0);
    assert!(scrape.value("process_schedstat_waiting_seconds_total", []).is_some_and(|waited| waited >= 0.0));
    assert!(scrape.value("host_cpus", []).is_some_and(|cpus| cpus >= 1.0));
    let of_node = |name: &str| scrape.value(name, [("server", "memcached1")]);
    assert_eq!(of_node("memcached_limit_bytes"), Some(64.0 * 1024.0 * 1024.0));
    for name in
        ["memcached_threads", "memcached_current_connections", "memcached_process_user_cpu_seconds_total"]
    {
        assert!(of_node(name).is_some(), "{name}");
    }

    // A delay on the proxy shows at the one address only, and no statistic goes through it.
    lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 80}}"#);
    let before = loadgen.scrape();
    let after = loadgen.scrape_until("slow probes", secs(20), |page| {
        probes(page, "memcached1", "dial") > probes(&before, "memcached1", "dial") + 10.0
    });
    let mean = |address| {
        let grown = |part: &str| {
            let name = format!("memcache_probe_duration_seconds_{part}");
            let of = |page: &Scrape| page.sum(&name, [("server", "memcached1"), ("address", address)]);
            of(&after) - of(&before)
        };
        grown("sum") / grown("count")
    };
    assert!(mean("dial") > 0.06 && mean("upstream") < 0.06, "{} {}", mean("dial"), mean("upstream"));
}

#[test]
fn a_node_that_cannot_be_reached_at_its_own_address_is_down() {
    let mut lab = Lab::start(2);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--rate", "100"]);
    loadgen.scrape_until("both nodes up", secs(20), |page| {
        up(page, "memcached1") == Some(1.0) && up(page, "memcached2") == Some(1.0)
    });
    drop(lab.nodes.remove(0));
    let scrape = loadgen.scrape_until("a node down", secs(20), |page| up(page, "memcached1") == Some(0.0));
    assert_eq!(up(&scrape, "memcached2"), Some(1.0));
    assert_eq!(scrape.value("memcached_uptime_seconds", [("server", "memcached1")]), None);

    // An address given as a flag has no second address.
    let named = format!("memcached2={}", lab.toxiproxy.listen("memcached2"));
    let other = testkit::free_addr();
    let metrics = other.to_string();
    let plain = lab
        .loadgen(workspace_bin("loadgen"), ["--servers", &named, "--rate", "50", "--metrics-addr", &metrics])
        .serving(other);
    let scrape =
        plain.scrape_until("load", secs(20), |page| page.sum("memcache_operations_total", []) > 10.0);
    assert_eq!((up(&scrape, "memcached2"), scrape.sum(PROBES, [])), (None, 0.0));
}
