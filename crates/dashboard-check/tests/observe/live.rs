//! Every query of the dashboards against a Prometheus that scraped short runs of both daemons: during a scenario, after the end
//! of scenariod, and over ranges so wide that a phase is shorter than a step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use dashboard_check::{Dashboard, Report, Window};
use testkit::{Lab, Prometheus, http, secs, workspace_bin};

use crate::page::excess;
use crate::regions::{Phases, drawn_phases};
use crate::{DASHBOARDS, now, promtool};

const LOOPS: usize = 3;
/// The runs of two scenarios.
const RUNS: usize = 2 * LOOPS;
const QUARTER_HOUR: f64 = 900.0;
const SIX_HOURS: f64 = 21_600.0;
/// The clock of an annotation is one rate interval behind, at a step of 1 s. Until then the end of a phase is not drawn.
const CLOCK_LAG: f64 = 6.0;
/// Over six hours the narrowest panel has a point every two minutes. With the right edge this far in the future, one of these
/// points always includes the run.
const AHEAD: f64 = 120.0;

/// `seen` affects every panel: one node is cut off until its breaker opens and back until it closes, another one is slow.
/// `glimpsed` has phases so short that most of them are between two scrapes.
const CATALOGUE: &str = "\
family: shown
phases: { stabilization: 2s, testing: 5s, recovery: 6s }
scenarios:
  - name: seen
    about: one node is cut off and one is slow
    faults:
      - { target: memcached1, fault: blackhole }
      - { target: memcached2, fault: latency, delay: 20ms }
    expect:
      - { name: the breaker opens, phase: testing, must: { within: 3s }, promql: 'memcache_circuit_breaker_state{server=\"memcached1\"} != bool 0' }
      - { name: the breaker closes again, phase: recovery, must: at_end, promql: 'memcache_circuit_breaker_state{server=\"memcached1\"} == bool 0' }
      - { name: no wrong value is read, phase: run, must: never, promql: 'sum by (server) (memcache_corrupt_reads_total) > bool 0' }
  - name: glimpsed
    about: one node is slow for a tenth of a second
    phases: { stabilization: 100ms, testing: 100ms, recovery: 100ms }
    faults:
      - { target: memcached3, fault: latency, delay: 20ms }
";

/// The panels that have data only while scenariod runs.
const ONLY_WITH_SCENARIOD: [&str; 1] = ["Phase"];

#[test]
fn every_query_returns_data() {
    let dashboards = DASHBOARDS.map(Dashboard::load);
    let lab = Lab::start(3);
    lab.set("client.breaker.open_timeout", "1s");
    lab.set("client.op_timeout", "200ms");
    let catalogue = lab.folder().join("catalogue");
    std::fs::create_dir(&catalogue).unwrap();
    std::fs::write(catalogue.join("seen.yaml"), CATALOGUE).unwrap();
    let prometheus = lab.prometheus();
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "16", "--rate", "500"]);
    loadgen.scrape_until("load", secs(30), |page| {
        page.sum("memcache_operations_total", [("status", "success")]) > 100.0
    });
    let loops = LOOPS.to_string();
    let catalogue = catalogue.display().to_string();
    let url = prometheus.url();
    let scenariod = lab.scenariod(
        workspace_bin("scenariod"),
        ["--catalogue", &catalogue, "--scenario", "glimpsed,seen", "--loop", &loops, "--prometheus", &url],
    );

    // At the second recovery Prometheus has every kind of phase, one phase is running, and a whole run is still to come.
    prometheus.wait_for(
        "scenario_phase_start_timestamp_seconds{scenario=\"seen\",phase=\"recovery\"}",
        secs(90),
        |series| series.len() == LOOPS - 1,
    );
    for addr in [lab.loadgen_addr, lab.scenariod_addr] {
        assert_scrape_is_small(addr);
    }
    for dashboard in &dashboards {
        let ended = stamps(&prometheus, "end");
        let live = dashboard.evaluate(&prometheus, Window::before(now(), QUARTER_HOUR));
        assert_no_problems(&live);
        assert_data_except(&live, &[]);
        assert_drawn_so_far(&live, &ended, &prometheus);
        let wide = dashboard.evaluate_annotations(&prometheus, Window::before(now() + AHEAD, SIX_HOURS));
        assert_drawn_so_far(&wide, &ended, &prometheus);
    }
    assert_faults_are_found(&dashboards[0], &prometheus, &OF_THE_CLIENT);

    assert_eq!(scenariod.wait_exit(secs(120)), 0, "{}", scenariod.stderr());
    prometheus.wait_for("scenario_phase", secs(30), <[_]>::is_empty);
    let phases = phases(&prometheus);
    for dashboard in &dashboards {
        let after = dashboard.evaluate(&prometheus, Window::before(now() + CLOCK_LAG, QUARTER_HOUR));
        assert_no_problems(&after);
        assert_data_except(&after, &ONLY_WITH_SCENARIOD);
        assert!(after.empty.contains("Phase"), "there is no phase without scenariod");
        assert_eq!(drawn_phases(&after).as_ref(), Ok(&phases), "an annotation is exactly its phase");

        let wide = dashboard.evaluate(&prometheus, Window::before(now() + AHEAD, SIX_HOURS));
        assert_no_problems(&wide);
        assert_data_except(&wide, &ONLY_WITH_SCENARIOD);
        assert_eq!(drawn_phases(&wide).as_ref(), Ok(&phases), "however wide the range");
    }
    assert_faults_are_found(&dashboards[1], &prometheus, &OF_THE_ANALYSIS);
}

fn assert_no_problems(report: &Report) {
    assert!(report.problems.is_empty(), "{:#?}\nnotes: {:#?}", report.problems, report.notes);
}

fn assert_data_except(report: &Report, empty: &[&str]) {
    let allowed: BTreeSet<_> = empty.iter().map(|title| (*title).to_owned()).collect();
    let others: Vec<_> = report.empty.difference(&allowed).collect();
    assert!(others.is_empty(), "no data in {others:?}");
}

/// Every phase that has ended is drawn, with the start of the phase and no later end. The end is exact once the clock of the
/// annotation has passed it.
fn assert_drawn_so_far(report: &Report, ended: &Stamps, prometheus: &Prometheus) {
    let drawn = drawn_phases(report).unwrap();
    let missing: Vec<_> = ended.keys().filter(|key| !drawn.contains_key(*key)).collect();
    assert!(!ended.is_empty() && missing.is_empty(), "not drawn: {missing:?}");
    let (starts, ends) = (stamps(prometheus, "start"), stamps(prometheus, "end"));
    let complete_before = ((now() - 2.0 * CLOCK_LAG) * 1_000.0) as i64;
    for (key, (start, end)) in drawn {
        assert_eq!(start, starts[&key], "{key:?}");
        let limit = ends.get(&key).copied().unwrap_or(i64::MAX);
        assert!(end <= limit, "{key:?}: drawn until {end}, ended at {limit}");
        if ended.contains_key(&key) && limit < complete_before {
            assert_eq!(end, limit, "{key:?}");
        }
    }
}

/// A scrape per second must not disturb the measurement: small, and far faster than the interval. promtool must accept the page.
fn assert_scrape_is_small(addr: SocketAddr) {
    let scrape = || http::get(&format!("http://{addr}/metrics")).unwrap().body;
    let timed = || {
        let start = Instant::now();
        scrape();
        start.elapsed()
    };
    let fastest = (0..10).map(|_| timed()).min().unwrap();
    assert!(fastest < Duration::from_millis(50), "a scrape of {addr} takes {fastest:?}");
    let page = scrape();
    assert_eq!(excess(&page), None, "a scrape of {addr}");
    promtool::check_metrics(&page);
}

/// A text of the file, its replacement, and a part of the expected problem.
type Fault = (&'static str, &'static str, &'static str);

/// Faults that only a running Prometheus shows are found.
fn assert_faults_are_found(dashboard: &Dashboard, prometheus: &Prometheus, faults: &[Fault]) {
    for (text, replacement, expected) in faults {
        let bad = dashboard.with(text, replacement);
        let problems = bad.evaluate(prometheus, Window::before(now() + CLOCK_LAG, QUARTER_HOUR)).problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{replacement}: {problems:#?}");
    }
}

const OF_THE_CLIENT: [Fault; 15] = [
    (
        "memcache_pool_connections{",
        "memcache_pool_connection{",
        "\"Pool connections by state\" query A: no data",
    ),
    ("sum by (status)", "sum by (stauts)", "legend names label \"status\""),
    ("{{status}}", "all", "series share 1 legend names"),
    ("sum by (state)", "sum by state", "parse error"),
    ("\"0\":{\"text\":\"closed\"", "\"7\":{\"text\":\"closed\"", "value 0 has no mapping"),
    ("/ (sum(rate", "+ (sum(rate", "a share must be in 0..1"),
    ("server=~\\\"$server\\\"", "server=~\\\"$sever\\\"", "undefined variables [\"sever\"]"),
    (
        "label_values(scenario_phase, scenario)",
        "label_values(scenario_phase, name)",
        "variable scenario: no values",
    ),
    ("\"expr\":\"1000 * ", "\"expr\":\"1 * ", "annotation Testing: no event"),
    ("(run {{run}})", "(run {{number}})", "title names label \"number\""),
    ("status=\\\"failed\\\"", "status=\\\"error\\\"", "\"Error ratio\" query A: no data"),
    ("active|idle", "active|idel", "no memcache_pool_connections has state \"idel\""),
    ("\"Value #C\":", "\"Value #G\":", "renameByName names \"Value #G\""),
    ("\"byField\":\"server\"", "\"byField\":\"sever\"", "byField is \"sever\""),
    ("\"options\":\"failed\"", "\"options\":\"error\"", "an override is for \"error\""),
];

const OF_THE_ANALYSIS: [Fault; 15] = [
    ("toxiproxy_toxic_active{", "toxiproxy_toxics_active{", "\"Faults\" query A: no data"),
    (
        "toxiproxy_residual_toxics[",
        "toxiproxy_residual_toxics{job=\\\"guard\\\"}[",
        "no toxiproxy_residual_toxics has job \"guard\"",
    ),
    ("phase=\\\"recovery\\\"", "phase=\\\"healing\\\"", "rate5s has phase \"healing\""),
    ("status=\\\"failed\\\"", "status=\\\"fail\\\"", "\"Budget spent\" query A: no data"),
    ("100 * (sum(", "-100 * (sum(", "negative"),
    (
        "[$__range]) - last_over_time(",
        "[$__range]) - 2 * last_over_time(",
        "\"Phase lengths\" query A: negative",
    ),
    ("{{scenario}}: {{expectation}}", "{{scenario}}: {{name}}", "legend names label \"name\""),
    ("{{server}} run {{run}}", "{{server}}", "legend names"),
    ("\"1\":{\"text\":\"held\"", "\"2\":{\"text\":\"held\"", "value 1 has no mapping"),
    ("\"testing\":2", "\"test\":2", "indexByName names \"test\""),
    ("\"columnField\":\"phase\"", "\"columnField\":\"phases\"", "columnField is \"phases\""),
    ("\"run\":\"Run\"", "\"number\":\"Run\"", "renameByName names \"number\""),
    ("\"options\":\"inconclusive\"", "\"options\":\"unclear\"", "an override is for \"unclear\""),
    (
        "label_values(memcache_operations_total, server)",
        "label_values(memcache_operations_total, node)",
        "variable server: no values",
    ),
    ("\"format\":\"table\"", "\"format\":\"time_series\"", "legend names"),
];

type Stamps = BTreeMap<(String, String), i64>;

/// The phases that scenariod reports. All of them have ended.
fn phases(prometheus: &Prometheus) -> Phases {
    let (starts, ends) = (stamps(prometheus, "start"), stamps(prometheus, "end"));
    assert_eq!(
        (starts.len(), ends.len()),
        (3 * RUNS, 3 * RUNS),
        "three phases per run, each with start and end"
    );
    starts.into_iter().map(|(key, start)| (key.clone(), (start, ends[&key]))).collect()
}

/// The starts or the ends of phases in ms, by phase and run.
fn stamps(prometheus: &Prometheus, edge: &str) -> Stamps {
    let series = prometheus.query(&format!("last_over_time(scenario_phase_{edge}_timestamp_seconds[5m])"));
    let ms = |value: f64| (value * 1_000.0).floor() as i64;
    let key = |one: &testkit::Series| (one.labels["phase"].clone(), one.labels["run"].clone());
    series.into_iter().map(|one| (key(&one), ms(one.value()))).collect()
}
