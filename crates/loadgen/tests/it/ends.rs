//! How a run ends: after its duration or at a signal, with the operations in progress completed.

use std::time::Instant;

use testkit::{Daemon, Lab, Signal, secs};

use crate::LOADGEN;
use crate::figures::{failed, succeeded};

/// The number of operations in a summary.
fn operations(summary: &str) -> f64 {
    let line =
        summary.lines().find(|line| line.contains(" operations in ")).unwrap_or_else(|| panic!("{summary}"));
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_duration_ends_the_run_with_a_summary() {
    let lab = Lab::start(3);
    let loadgen = lab.loadgen(LOADGEN, ["--duration", "1s", "--seed", "7"]);
    assert_eq!(loadgen.wait_exit(secs(15)), 0);
    let summary = loadgen.stdout();
    assert!(operations(&summary) > 100.0, "{summary}");
    assert!(summary.contains("seed 7\nfailed: 0 (0.00%)\n"), "{summary}");
    assert!(summary.contains("wrong values: 0\n"), "{summary}");
}

#[test]
fn the_summary_as_json_agrees_with_itself_and_with_the_nodes() {
    let lab = Lab::start(2);
    // Nodes that are given by their addresses alone are not probed: they see only the operations.
    let servers =
        ["memcached1", "memcached2"].map(|name| format!("{name}={}", lab.toxiproxy.listen(name))).join(",");
    let loadgen =
        lab.loadgen(LOADGEN, ["--duration", "1s", "--rate", "500", "--json", "--servers", &servers]);
    assert_eq!(loadgen.wait_exit(secs(15)), 0);
    let text = loadgen.stdout();
    let summary: serde_json::Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let number = |path: &str| summary.pointer(path).and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
    let ended = number("/operations");
    assert!((495.0..700.0).contains(&ended), "{text}");
    assert_eq!(number("/total/succeeded"), ended, "{text}");
    assert_eq!(number("/nodes/memcached1/succeeded") + number("/nodes/memcached2/succeeded"), ended);
    assert_eq!(number("/start_lateness_seconds/count") + number("/dropped"), ended);
    let latency = |quantile: &str| number(&format!("/total/latency_seconds/{quantile}"));
    let rising = ["p50", "p90", "p99", "p99_9", "max"].map(latency);
    assert!(rising.is_sorted() && rising[0] > 0.0, "{text}");
    let sent: f64 = lab.nodes.iter().map(|node| node.stats()["cmd_get"].parse::<f64>().unwrap()).sum();
    assert_eq!(number("/total/hits") + number("/total/misses"), sent, "{text}");
}

#[test]
fn the_histogram_counts_every_operation() {
    let lab = Lab::start(1);
    let path = lab.folder().join("times.csv");
    let file = path.display().to_string();
    let loadgen = lab.loadgen(LOADGEN, ["--duration", "500ms", "--rate", "500", "--histogram", &file]);
    assert_eq!(loadgen.wait_exit(secs(15)), 0);
    let csv = std::fs::read_to_string(&path).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("time,seconds,operations"));
    let counted = |time: &str| -> f64 {
        let cells = csv.lines().filter(|line| line.starts_with(time));
        cells.map(|cell| cell.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let ended = operations(&loadgen.stdout());
    assert!(ended > 100.0);
    assert_eq!((counted("latency,"), counted("service,")), (ended, ended), "{csv}");
    for line in lines {
        let seconds: f64 = line.split(',').nth(1).unwrap().parse().unwrap();
        assert!((1e-6..1.0).contains(&seconds), "{line}");
    }
}

#[test]
fn a_histogram_that_cannot_be_written_fails_before_the_run() {
    let lab = Lab::start(1);
    let loadgen = lab.loadgen(LOADGEN, ["--duration", "10m", "--histogram", "/nowhere/times.csv"]);
    assert_eq!(loadgen.wait_exit(secs(5)), 4);
    let message = "error: cannot write the histogram to /nowhere/times.csv\n  caused by: No such file";
    assert!(loadgen.stderr().contains(message), "{}", loadgen.stderr());
}

#[test]
fn a_signal_drains_operations_in_progress_and_exits_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let lab = Lab::start(1);
        // Every operation takes 300 ms of its 500 ms, so at the signal all 20 workers have one in progress.
        let loadgen = lab.loadgen(LOADGEN, ["--concurrency", "20", "--think-time", "0s"]);
        loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 100.0);
        lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 300}}"#);
        loadgen.scrape_until("operations are in progress", secs(10), |scrape| {
            scrape.sum("memcache_operations_in_flight", []) == 20.0
        });
        let before = loadgen.scrape();
        let signalled = Instant::now();
        loadgen.signal(signal);
        assert_eq!(loadgen.wait_exit(secs(5)), 0);
        assert!(signalled.elapsed() < secs(2), "drained after {:?}", signalled.elapsed());
        let ended = operations(&loadgen.stdout());
        let missing = ended - succeeded(&before) - failed(&before);
        assert!(missing >= 20.0, "operations in progress at the signal must end and count: {missing}");
        assert!(!loadgen.stderr().contains("dropped"), "{}", loadgen.stderr());
    }
}

#[test]
fn a_drain_takes_at_most_the_timeout_of_an_operation() {
    let lab = Lab::start(1);
    let loadgen =
        lab.loadgen(LOADGEN, ["--concurrency", "20", "--think-time", "10ms", "--op-timeout", "300ms"]);
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 100.0);
    lab.nodes[0].pause();
    loadgen.scrape_until("operations are stuck", secs(10), |scrape| {
        scrape.sum("memcache_operations_in_flight", []) == 20.0
    });
    let signalled = Instant::now();
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
    assert!(signalled.elapsed() < secs(3), "ended after {:?}", signalled.elapsed());
}

#[test]
fn a_signal_while_waiting_for_nodes_ends_at_once() {
    let lab = Lab::start(1);
    lab.toxiproxy.enable("memcached1", false);
    let loadgen = lab.loadgen(LOADGEN, [""; 0]);
    loadgen.scrape_until("it serves metrics", secs(10), |_| true);
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 0);
}

#[test]
fn a_signal_before_the_requested_duration_is_an_early_end() {
    let lab = Lab::start(1);
    for (args, signal, code, said) in [
        (vec!["--duration", "1h"], Signal::TERM, 143, "\nended by SIGTERM after "),
        (vec!["--duration", "1h"], Signal::INT, 130, "\nended by SIGINT after "),
        (vec!["--duration", "90m", "--json"], Signal::HUP, 143, "\n  \"ended_by\": \"SIGHUP\",\n"),
        (vec![], Signal::QUIT, 0, "\nended by SIGQUIT\n"),
    ] {
        let loadgen = lab.loadgen(LOADGEN, args.iter().chain(&["--rate", "200"]));
        loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 20.0);
        loadgen.signal(signal);
        assert_eq!(loadgen.wait_exit(secs(5)), code, "{args:?}");
        assert!(loadgen.stdout().contains(said), "{}", loadgen.stdout());
    }
    lab.toxiproxy.enable("memcached1", false);
    let loadgen = lab.loadgen(LOADGEN, ["--duration", "1h"]);
    loadgen.scrape_until("it serves metrics", secs(10), |_| true);
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(5)), 143);
    assert!(loadgen.stdout().contains("\nended by SIGTERM after 0.0 s of 1h\n"), "{}", loadgen.stdout());
}

/// As a script starts a job in the background, or `nohup` any job.
#[test]
fn signals_that_the_caller_ignores_stay_ignored() {
    let lab = Lab::start(1);
    let mut shell = testkit::command("sh");
    let ignoring = "trap '' HUP INT QUIT TERM; exec \"$@\"";
    shell
        .args(["-c", ignoring, "sh", LOADGEN, "--rate", "200", "--duration", "2s", "--config"])
        .arg(lab.config());
    let loadgen = Daemon::run(shell).serving(lab.loadgen_addr);
    loadgen.scrape_until("load runs", secs(10), |scrape| succeeded(scrape) > 20.0);
    for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
        loadgen.signal(signal);
    }
    assert_eq!(loadgen.wait_exit(secs(10)), 0);
    assert!(operations(&loadgen.stdout()) > 380.0, "{}", loadgen.stdout());
    assert!(!loadgen.stdout().contains("ended by"), "{}", loadgen.stdout());
}
