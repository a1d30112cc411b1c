//! How far the edges of phases are from their plan, and the start of testing from its first request, on a real
//! Toxiproxy under load. The goals are asserted where `LAB_SOAK` is set; the bounds of every run are for a machine
//! that others use as well. What was measured is reported.

use std::time::{Duration, UNIX_EPOCH};

use testkit::{Daemon, FakeToxiproxy, Lab, report, scale, secs, workspace_bin};

use crate::harness::{clean_exit, start_file};

/// Series of so many runs are kept.
const RUNS: usize = 17;
/// In ms, of the stabilization, testing and recovery of every run.
const LENGTH: f64 = 200.0;
const PHASES: [&str; 3] = ["stabilization", "testing", "recovery"];

fn scenario() -> String {
    format!(
        "family: timing\nphases: {{ stabilization: {LENGTH}ms, testing: {LENGTH}ms, recovery: {LENGTH}ms }}\n\
         scenarios:\n  - name: edges\n    about: short phases\n    \
         faults: [{{ target: memcached1, fault: latency, delay: 5ms }}]\n"
    )
}

/// The scrape in which all runs are over.
fn last_scrape(daemon: &Daemon, runs: usize) -> testkit::Scrape {
    daemon.scrape_until("the end of the last run", secs(60), |scrape| {
        scrape.value("scenario_runs_total", [("scenario", "edges"), ("status", "success")])
            == Some(runs as f64)
    })
}

/// Seconds of one side of a phase, run by run, in their order.
fn stamps(scrape: &testkit::Scrape, edge: &str, phase: &str) -> Vec<f64> {
    let name = format!("scenario_phase_{edge}_timestamp_seconds");
    let mut stamps: Vec<f64> =
        scrape.matching(&name, [("phase", phase)]).iter().map(|sample| sample.value).collect();
    stamps.sort_by(f64::total_cmp);
    stamps
}

/// Median, 90th percentile and worst, in ms.
fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    (at(0.5), at(0.9), at(1.0))
}

fn line(what: &str, count: usize, (median, p90, worst): (f64, f64, f64)) -> String {
    format!("{what}, {count} of them: median {median:.1} ms, 90% {p90:.1} ms, worst {worst:.1} ms")
}

#[test]
fn phases_end_when_they_should_while_loadgen_runs() {
    let lab = Lab::start(2);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--rate", "500"]);
    loadgen.scrape_until("load", secs(20), |scrape| scrape.sum("memcache_operations_total", []) > 100.0);
    let loops = RUNS.to_string();
    let mut late: Vec<f64> = Vec::new();
    let mut by_phase = Vec::new();
    for _ in 0..scale(2, 6) {
        let daemon = start_file(&lab, "edges", &scenario(), &["--loop", &loops, "--linger", "20s"]);
        let scrape = last_scrape(&daemon, RUNS);
        for phase in PHASES {
            let (starts, ends) = (stamps(&scrape, "start", phase), stamps(&scrape, "end", phase));
            assert_eq!((starts.len(), ends.len()), (RUNS, RUNS), "{phase}");
            let over = starts.iter().zip(&ends).map(|(start, end)| (end - start) * 1_000.0 - LENGTH);
            by_phase.push((phase, over.collect::<Vec<_>>()));
        }
        daemon.signal(testkit::Signal::INT);
        daemon.wait_exit(secs(10));
    }
    let mut lines = Vec::new();
    for phase in PHASES {
        let over: Vec<f64> =
            by_phase.iter().filter(|(name, _)| *name == phase).flat_map(|(_, over)| over.clone()).collect();
        lines.push(line(
            &format!("end of {phase}, calls to Toxiproxy included"),
            over.len(),
            spread(over.clone()),
        ));
        late.extend(over);
    }
    let all = spread(late.clone());
    lines.push(line("all edges (goal: median 20 ms, worst 100 ms)", late.len(), all));
    report("Phase edges against plan, under load", lines);
    // Never early but for what the clock of the day is corrected by.
    let earliest = late.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(earliest > -5.0, "{earliest}");
    // All edges, those of testing with their calls to Toxiproxy too.
    let (median, worst) = scale((40.0, 500.0), (20.0, 100.0));
    assert!(all.0 <= median && all.2 <= worst, "median {median} ms, worst {worst} ms: {all:?}");
}

#[test]
fn testing_starts_just_before_its_first_request() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let loops = RUNS.to_string();
    let url = fake.url();
    let args = ["--loop", &loops, "--toxiproxy", &url, "--linger", "20s"];
    let daemon = start_file(&lab, "edges", &scenario(), &args);
    let scrape = last_scrape(&daemon, RUNS);
    let starts = stamps(&scrape, "start", "testing");
    let posts: Vec<Duration> = fake
        .requests_at()
        .into_iter()
        .filter(|(_, request)| request.starts_with("POST ") && request.contains("/toxics "))
        .map(|(at, _)| at.duration_since(UNIX_EPOCH).unwrap())
        .collect();
    assert_eq!((starts.len(), posts.len()), (RUNS, RUNS));
    let gaps: Vec<f64> =
        starts.iter().zip(&posts).map(|(start, post)| (post.as_secs_f64() - start) * 1_000.0).collect();
    let all = spread(gaps.clone());
    report("Start of testing until its first request", [line("gaps (goal: median 50 ms)", gaps.len(), all)]);
    assert!(gaps.iter().all(|gap| *gap >= 0.0), "announced after the request: {gaps:?}");
    assert!(all.0 <= 50.0, "{all:?}");
    daemon.signal(testkit::Signal::INT);
    // By then it may be lingering or gone.
    assert!([0, 130].contains(&clean_exit(&daemon, &lab.toxiproxy)), "{}", daemon.stderr());
}
