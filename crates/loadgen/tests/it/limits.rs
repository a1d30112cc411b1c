//! What this machine or a node cannot give: descriptors, connections. Neither daemon may blame the other side for it.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use testkit::{Lab, Memcached, MemcachedOptions, Signal, eventually, secs, sleep};

use crate::LOADGEN;
use crate::figures::{errors, failed, succeeded};
use crate::setup::disable_breakers;

/// Runs loadgen with this limit of descriptors, soft and hard.
fn with_limit(limit: u32, config: &Path, args: &[&str]) -> Output {
    let mut shell: Command = testkit::command("bash");
    let script = format!("ulimit -n {limit}; exec \"$@\"");
    shell.args(["-c", &script, "bash", LOADGEN, "--config"]).arg(config).args(args);
    shell.output().unwrap()
}

#[test]
fn fewer_descriptors_than_connections_are_refused_before_the_load() {
    let lab = Lab::start(2);
    let output =
        with_limit(300, &lab.config(), &["--concurrency", "150", "--pool-size", "200", "--duration", "1s"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let expected = "error: too few file descriptors: 300 connections to 2 nodes need 356, and the limit is 300\n\
                    hint: raise the hard limit, for example with `ulimit -n 356` as root, or use a smaller --pool-size\n";
    assert_eq!((output.status.code(), stderr.as_str()), (Some(4), expected));
    let output =
        with_limit(356, &lab.config(), &["--concurrency", "150", "--pool-size", "200", "--duration", "1s"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_soft_limit_below_the_hard_one_is_raised() {
    let lab = Lab::start(1);
    let mut shell = testkit::command("bash");
    let script = "ulimit -Sn 40; exec \"$@\"";
    shell.args(["-c", script, "bash", LOADGEN, "--duration", "500ms", "--config"]).arg(lab.config());
    let output = shell.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn no_number_of_descriptors_causes_a_panic() {
    let lab = Lab::start(1);
    for limit in 3..40 {
        let args = ["--concurrency", "1", "--rate", "10", "--duration", "100ms"];
        let output = with_limit(limit, &lab.config(), &args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        // With fewer than about six the shell cannot start the program.
        let code = output.status.code().unwrap();
        assert!([0, 2, 4, 126, 127].contains(&code), "{limit}: {code}: {stderr}");
        assert!(!stderr.contains("panicked"), "{limit}: {stderr}");
    }
}

#[test]
fn a_node_without_free_connections_is_quoted_once() {
    let lab = Lab::start(1);
    disable_breakers(&lab);
    let arguments = ["-c", "20", "-t", "1"].map(str::to_owned).to_vec();
    let node = Memcached::start_with(MemcachedOptions { arguments, ..MemcachedOptions::default() }).unwrap();
    let servers = format!("memcached1={}", node.addr());
    let args = ["--servers", &servers, "--concurrency", "60", "--pool-size", "60", "--think-time", "5ms"];
    let loadgen = lab.loadgen(LOADGEN, args);
    let scrape = loadgen.scrape_until("refusals", secs(20), |scrape| {
        succeeded(scrape) > 200.0 && errors(scrape, "memcached1", "server_error") > 5.0
    });
    assert_eq!(errors(&scrape, "memcached1", "protocol"), 0.0);
    assert!(failed(&scrape) > 0.0);
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    assert_eq!(
        loadgen.stderr().matches("ERROR Too many open connections").count(),
        1,
        "{}",
        loadgen.stderr()
    );
}

/// Connections that reach their age are opened again, which fails while there are no descriptors.
#[test]
fn a_machine_without_descriptors_is_named_and_opens_no_breaker() {
    let lab = Lab::start(1);
    let loadgen = lab.loadgen(LOADGEN, ["--rate", "500", "--max-lifetime", "200ms"]);
    let before = loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 100.0);
    assert_eq!(failed(&before), 0.0);
    loadgen.limit_descriptors(4);
    let named = "this machine cannot open a connection: Too many open files";
    eventually("the shortage is logged", secs(10), || loadgen.stderr().contains(named));
    sleep(Duration::from_millis(500));
    loadgen.limit_descriptors(1_024);
    let count = succeeded(&before);
    let after =
        loadgen.scrape_until("load runs again", secs(10), |scrape| succeeded(scrape) > count + 1_000.0);
    assert!(errors(&after, "memcached1", "local") > 20.0);
    assert_eq!(failed(&after), errors(&after, "memcached1", "local"), "nothing else failed");
    assert_eq!(after.sum("memcache_circuit_breaker_transitions_total", []), 0.0);
    assert_eq!(loadgen.stderr().matches(named).count(), 1, "{}", loadgen.stderr());
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    assert!(loadgen.stdout().contains(": local "), "{}", loadgen.stdout());
}
