//! Makes the pictures of docs/interpreting.md from real runs: `just pictures`. Each run has a lab of its own. A picture shows
//! the results of the dashboard's queries.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a tool for documentation writers: it may panic")]

mod draw;

use std::time::{SystemTime, UNIX_EPOCH};

use draw::{Chart, Picture, Region};
use testkit::{Lab, Prometheus, secs, workspace, workspace_bin};

/// A run and its picture.
struct Run {
    scenario: &'static str,
    file: &'static str,
    /// Further arguments of loadgen.
    load: &'static [&'static str],
}

const RUNS: [Run; 3] = [
    Run { scenario: "latency-100ms", file: "latency.svg", load: &[] },
    Run { scenario: "node-down", file: "node-down.svg", load: &[] },
    Run {
        scenario: "partition-one",
        file: "no-breaker.svg",
        load: &["--breaker-failure-ratio", "1", "--breaker-consecutive-failures", "1000000000"],
    },
];

const CHARTS: [Chart; 3] = [
    Chart {
        title: "operations per second",
        query: "sum by (server) (rate(memcache_operations_total[4s]))",
        log: false,
    },
    Chart { title: "error ratio", query: "server:memcache_error_ratio:rate5s", log: false },
    Chart {
        title: "p99 latency, seconds",
        query: "histogram_quantile(0.99, sum by (le, server) (rate(memcache_operation_duration_seconds_bucket[4s])))",
        log: true,
    },
];

fn main() {
    let folder = workspace().join("docs/pictures");
    std::fs::create_dir_all(&folder).unwrap();
    for run in RUNS {
        let picture = record(&run);
        draw::write(&folder.join(run.file), &picture).unwrap();
        eprintln!("{}: {}", run.file, run.scenario);
    }
}

fn record(run: &Run) -> Picture {
    let lab = Lab::start(3);
    let prometheus = lab.prometheus();
    let load = ["--rate", "1000", "--concurrency", "60"].iter().chain(run.load);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), load);
    loadgen.scrape_until("load", secs(30), |page| {
        page.sum("memcache_operations_total", [("status", "success")]) > 5_000.0
    });
    let arguments = ["--scenario", run.scenario, "--time-scale", "0.3", "--no-verdict"];
    let scenariod = lab.scenariod(workspace_bin("scenariod"), arguments);
    assert_eq!(scenariod.wait_exit(secs(120)), 0, "{}", run.scenario);
    let regions = regions(&prometheus);
    let span = (regions[0].start - 2.0, regions[2].end + 1.0);
    let ask = |chart: &Chart| prometheus.query_range(chart.query, span.0, span.1, secs(1));
    Picture { span, regions, charts: CHARTS.map(|chart| (ask(&chart), chart)).into() }
}

/// The phases of the only run, from scenariod's timestamps.
fn regions(prometheus: &Prometheus) -> Vec<Region> {
    let stamp = |edge: &str, phase: &str| {
        let query =
            format!("max(last_over_time(scenario_phase_{edge}_timestamp_seconds{{phase=\"{phase}\"}}[10m]))");
        prometheus.query(&query)[0].value()
    };
    let region =
        |phase: &'static str| Region { phase, start: stamp("start", phase), end: stamp("end", phase) };
    let regions = ["stabilization", "testing", "recovery"].map(region);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    assert!(regions[2].end <= now, "the run is over");
    regions.into()
}
