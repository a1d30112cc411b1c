//! What a scrape of the daemons costs once every series there can be is there, and that it stays at that: the large tier goes
//! to a million operations and two hundred runs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use testkit::{Daemon, Lab, Scrape, Signal, http, report, scale, secs, workspace_bin};

/// What a page may have, in bytes.
const PAGE: usize = 64 * 1024;
/// Counters get longer, and a run under way shows a few series more than one that waits.
const GROWTH: usize = 2 * 1024;
/// The promise, which the release build keeps on a machine that is not busy with other tests.
const PROMISE: Duration = Duration::from_millis(5);
/// Far below the interval at least.
const LOOSE: Duration = Duration::from_millis(100);
/// More scenarios than any playlist that is shipped has. What a command does not name has no series.
const LIST: &str = "packet-loss,latency";
/// The last runs that have series of their own: by then all of them do.
const KEPT_RUNS: usize = 20;

/// A daemon, for the large numbers in its release build where there is one.
fn binary(name: &str) -> (PathBuf, bool) {
    let tested = workspace_bin(name);
    let release = tested.with_file_name("../release").join(name);
    match scale(None, Some(release)).filter(|release| release.is_file()) {
        Some(release) => (release, true),
        None => (tested, !cfg!(debug_assertions)),
    }
}

/// Somewhat more than the lab's own load; a million operations are then done when the runs are.
const RATE: &str = "4000";

/// The size of a page and the middle of many times to get it.
#[derive(Clone, Copy)]
struct Cost {
    bytes: usize,
    series: usize,
    median: Duration,
}

impl Cost {
    /// What each of them costs at its own work. The other one stands still, and with it the judging that load generator,
    /// Prometheus and runs without a pause make of two cores: what is asked for is the price of a page.
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
            let began = Instant::now();
            let page = http::get(&url).unwrap().body;
            (began.elapsed(), page)
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

/// Every request that has a series of its own.
fn ask_everything(daemon: &Daemon) {
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
fn a_scrape_is_small_and_stays_so() {
    let lab = Lab::start(3);
    let (total, walked) = (scale(5_000.0, 1_000_000.0), scale(KEPT_RUNS + 5, 200));
    let (loadgen, released) = binary("loadgen");
    let rate = if released { RATE } else { "1000" };
    let loadgen = lab.loadgen(loadgen, ["--rate", rate, "--concurrency", "64"]);
    let prometheus = lab.prometheus();
    let (scenariod, _) = binary("scenariod");
    let url = prometheus.url();
    let scenariod = lab.scenariod(
        scenariod,
        ["--scenario", LIST, "--loop", "--time-scale", "0.001", "--linger", "60s", "--prometheus", &url],
    );
    loadgen.scrape_until("load", secs(30), |page| operations(page) > 100.0);
    scenariod.scrape_until("runs that fill the page", secs(120), |page| runs(page) >= KEPT_RUNS as f64);
    [&loadgen, &scenariod].into_iter().for_each(ask_everything);

    let began = Cost::of_each(&loadgen, &scenariod);
    loadgen.scrape_until("operations", secs(600), |page| operations(page) >= total);
    scenariod.scrape_until("runs", secs(600), |page| runs(page) >= walked as f64);
    let ended = Cost::of_each(&loadgen, &scenariod);
    let line = |at: usize, name: &str| {
        format!("{name}: {} at first, {} at the end", began[at].words(), ended[at].words())
    };
    report(
        &format!("a scrape of three nodes, over {total:.0} operations and {walked} runs"),
        [
            line(0, "loadgen"),
            line(1, &format!("scenariod with the families {LIST}")),
            format!("{} build, {rate} operations per second", if released { "release" } else { "debug" }),
        ],
    );

    for (began, ended) in began.into_iter().zip(ended) {
        assert!(ended.bytes < PAGE, "{} bytes", ended.bytes);
        assert!(ended.bytes < began.bytes + GROWTH, "{} bytes, then {}", began.bytes, ended.bytes);
        let bound = if released { PROMISE } else { LOOSE };
        assert!(ended.median < bound, "{:?}", ended.median);
    }
    assert_eq!(ended[0].series, began[0].series, "loadgen");
}
