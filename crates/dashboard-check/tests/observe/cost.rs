//! The cost of a scrape of the daemons, with every possible series, does not grow. The large size has a million operations and
//! 200 runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::page::excess;
use testkit::{Daemon, Lab, Scrape, Signal, http, report, scale, secs, workspace_bin};

/// The largest growth of a page: counters get more digits, and a run has a few series more than the wait between runs.
const GROWTH: usize = 2 * 1024;
/// The bound for the release build on an idle machine.
const RELEASE_BOUND: Duration = Duration::from_millis(5);
/// The bound for other builds, far below the scrape interval.
const OTHER_BOUND: Duration = Duration::from_millis(100);
/// More scenarios than any shipped playlist has. Other scenarios have no series.
const LIST: &str = "packet-loss,latency";
/// A playlist of that list. Its phases are as short as they are written, because it has no time scale.
fn short_runs() -> String {
    let phases = "{ stabilization: 30ms, testing: 60ms, recovery: 60ms }";
    format!("playlist: short\nabout: many runs\nphases: {phases}\nentries: [{LIST}]\n")
}

/// The number of runs that have their own series.
const KEPT_RUNS: usize = 20;

/// A daemon. The large size uses its release build, if there is one.
fn binary(name: &str) -> (PathBuf, bool) {
    let tested = workspace_bin(name);
    let release = tested.with_file_name("../release").join(name);
    match scale(None, Some(release)).filter(|release| release.is_file()) {
        Some(release) => (release, true),
        None => (tested, !cfg!(debug_assertions)),
    }
}

/// More than the lab's own load, so that a million operations take about as long as the runs.
const RATE: &str = "4000";

/// The size of a page and the median time to get it.
#[derive(Clone, Copy)]
struct Cost {
    bytes: usize,
    series: usize,
    median: Duration,
}

impl Cost {
    /// The cost of each daemon. The other one is stopped meanwhile, because together with Prometheus they would saturate two
    /// cores.
    fn of_each(loadgen: &Daemon, scenariod: &Daemon) -> [Self; 2] {
        [(loadgen, scenariod), (scenariod, loadgen)].map(|(measured, other)| {
            other.signal(Signal::STOP);
            let cost = Self::of(measured);
            other.signal(Signal::CONT);
            cost
        })
    }

    fn of(daemon: &Daemon) -> Self {
        let url = format!("http://{}/metrics", daemon.addr());
        let get = || {
            let start = Instant::now();
            let page = http::get(&url).unwrap().body;
            (start.elapsed(), page)
        };
        let mut times: Vec<_> = (0..51).map(|_| get().0).collect();
        times.sort();
        let page = get().1;
        let series = Scrape::parse(&page).samples().len();
        Self { bytes: page.len(), series, median: times[times.len() / 2] }
    }

    fn words(&self) -> String {
        format!("{} bytes, {} series, {:.1} ms", self.bytes, self.series, self.median.as_secs_f64() * 1e3)
    }
}

/// Sends every request that has its own series.
fn request_everything(daemon: &Daemon) {
    for method in ["GET", "HEAD", "POST"] {
        for path in ["/metrics", "/health", "/ready", "/elsewhere"] {
            http::request(method, &format!("http://{}{path}", daemon.addr()), &[], "").unwrap();
        }
    }
}

fn operations(page: &Scrape) -> f64 {
    page.sum("memcache_operations_total", [])
}

fn runs(page: &Scrape) -> f64 {
    page.sum("scenario_runs_total", [])
}

#[test]
fn a_scrape_is_small_and_does_not_grow() {
    let lab = Lab::start(3);
    let (total, walked) = (scale(5_000.0, 1_000_000.0), scale(KEPT_RUNS + 5, 200));
    let (loadgen, released) = binary("loadgen");
    let rate = if released { RATE } else { "1000" };
    let loadgen = lab.loadgen(loadgen, ["--rate", rate, "--concurrency", "64"]);
    let prometheus = lab.prometheus();
    let (scenariod, _) = binary("scenariod");
    let list = lab.folder().join("list.yaml");
    std::fs::write(&list, short_runs()).unwrap();
    let list = list.display().to_string();
    let url = prometheus.url();
    let scenariod =
        lab.scenariod(scenariod, ["--scenario", &list, "--loop", "--linger", "60s", "--prometheus", &url]);
    loadgen.scrape_until("load", secs(30), |page| operations(page) > 100.0);
    scenariod.scrape_until("runs that fill the page", secs(120), |page| runs(page) >= KEPT_RUNS as f64);
    [&loadgen, &scenariod].into_iter().for_each(request_everything);

    let start = Cost::of_each(&loadgen, &scenariod);
    loadgen.scrape_until("operations", secs(600), |page| operations(page) >= total);
    scenariod.scrape_until("runs", secs(600), |page| runs(page) >= walked as f64);
    let end = Cost::of_each(&loadgen, &scenariod);
    let line = |at: usize, name: &str| {
        format!("{name}: {} at the start, {} at the end", start[at].words(), end[at].words())
    };
    report(
        &format!("a scrape of three nodes, over {total:.0} operations and {walked} runs"),
        [
            line(0, "loadgen"),
            line(1, &format!("scenariod with the families {LIST}")),
            format!("{} build, {rate} operations per second", if released { "release" } else { "debug" }),
        ],
    );

    for (start, end) in start.into_iter().zip(end) {
        assert!(end.bytes < start.bytes + GROWTH, "{} bytes, then {}", start.bytes, end.bytes);
        let bound = if released { RELEASE_BOUND } else { OTHER_BOUND };
        assert!(end.median < bound, "{:?}", end.median);
    }
    for daemon in [&loadgen, &scenariod] {
        assert_eq!(excess(&http::get(&format!("http://{}/metrics", daemon.addr())).unwrap().body), None);
    }
    assert_eq!(end[0].series, start[0].series, "loadgen");
}
