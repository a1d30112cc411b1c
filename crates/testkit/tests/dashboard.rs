//! Every query of the shipped dashboard is asked of a Prometheus that scraped a short run of both daemons: while the
//! scenario runs, after scenariod has gone, and over ranges so wide that a phase is shorter than a step.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use testkit::dashboard::{Dashboard, Report, Window};
use testkit::{Lab, Prometheus, eventually, secs, workspace_bin};

const FILE: &str = "grafana/dashboards/client-performance.json";
const RUNS: usize = 3;
const QUARTER_HOUR: f64 = 900.0;
const THREE_HOURS: f64 = 10_800.0;
const SIX_HOURS: f64 = 21_600.0;

#[test]
fn the_file_keeps_the_house_rules() {
    let problems = Dashboard::load(FILE).structure();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// A rule that no file can break is no rule: each of these faults is found by the rule that is meant for it.
#[test]
fn faults_in_the_file_are_found() {
    let good = Dashboard::load(FILE);
    let faults = [
        (r#""uid":"mcr-client""#, r#""uid":"""#, "uid \"\" is not a short plain word"),
        (r#""editable":false"#, r#""editable":true"#, "editable must be false"),
        (r#""refresh":2"#, r#""refresh":1"#, "variable server: refresh must be 2"),
        (r#""refresh":"5s""#, r#""fresh":"5s""#, "no refresh"),
        (
            r#""unit":"percentunit""#,
            r#""unit":"percentunits""#,
            "unit \"percentunits\" is missing or not in the list",
        ),
        (r#""uid":"${datasource}""#, r#""uid":"prometheus""#, "data source is not ${datasource}"),
        (r#""id":2,"#, r#""id":1,"#, "id 1 is used twice"),
        (r#""x":12,"y":4"#, r#""x":11,"y":4"#, "panel \"Error ratio by server\": overlaps"),
        (r#""x":12,"y":4"#, r#""x":13,"y":4"#, "wider than the grid"),
        ("[$__rate_interval]))", "[1m]))", "does not follow the zoom: [1m"),
        ("sum by (status) (rate(", "sum by (status) ((", "counter without rate or increase"),
        (r#""interval":"1s""#, r#""min":"1s""#, "without `interval`"),
        (r#""description":"One lane"#, r#""about":"One lane"#, "panel \"Circuit breaker\": no description"),
    ];
    for (text, replacement, expected) in faults {
        let problems = good.with(text, replacement).structure();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{replacement}: {problems:#?}");
    }
}

#[test]
fn every_query_of_the_dashboard_returns_data() {
    let dashboard = Dashboard::load(FILE);
    let lab = Lab::start(3);
    let prometheus = lab.prometheus();
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "8"]);
    loadgen.scrape_until("load", secs(30), |page| {
        page.sum("memcache_operations_total", [("status", "success")]) > 100.0
    });
    let loaded = now();
    let runs = RUNS.to_string();
    let scenario = ["--scenario", "packet-loss-10", "--time-scale", "0.05", "--loop", &runs, "--no-verdict"];
    let scenariod = lab.scenariod(workspace_bin("scenariod"), scenario);

    // By the second recovery each kind of phase is on the record and one is running.
    prometheus.wait_for("scenario_phase_start_timestamp_seconds{phase=\"recovery\"}", secs(60), |series| {
        series.len() == 2
    });
    let live = dashboard.ask(&prometheus, Window::before(now(), QUARTER_HOUR));
    good(&live);
    assert!(live.empty.is_empty(), "while a scenario runs every panel has data: {:?}", live.empty);
    faults_are_found(&dashboard, &prometheus);

    assert_eq!(scenariod.wait_exit(secs(120)), 0);
    prometheus.wait_for("scenario_phase", secs(30), <[_]>::is_empty);
    // The clock of an annotation is held back by one rate interval: wait until it has passed the last end.
    let ended = now();
    eventually("the annotations to be complete", secs(30), || now() > ended + 5.0);
    let after = dashboard.ask(&prometheus, Window::before(now(), QUARTER_HOUR));
    good(&after);
    assert_eq!(
        after.empty.iter().collect::<Vec<_>>(),
        ["Phase"],
        "without scenariod there is no phase, and only that"
    );
    assert_eq!(drawn(&after), walked(&prometheus), "an annotation is exactly its phase");

    // Over three hours the narrowest panel has one point every 30 s: one of them must lie well inside the load.
    eventually("a point within the load", secs(60), || (now() / 30.0).floor() * 30.0 > loaded + 5.0);
    good(&dashboard.ask(&prometheus, Window::before(now(), THREE_HOURS)));

    // Over six hours an annotation has one point every 15 s. A phase shorter than that is still a mark at its start.
    eventually("a point after the run", secs(60), || (now() / 15.0).floor() * 15.0 > ended);
    let wide = drawn(&dashboard.ask(&prometheus, Window::before(now(), SIX_HOURS)));
    let starts =
        |phases: &Phases| phases.iter().map(|(key, (start, _))| (key.clone(), *start)).collect::<Vec<_>>();
    assert_eq!(starts(&wide), starts(&walked(&prometheus)));
}

fn good(report: &Report) {
    assert!(report.problems.is_empty(), "{:#?}\nanswers: {:#?}", report.problems, report.notes);
}

/// Faults that only a live Prometheus shows are found too.
fn faults_are_found(dashboard: &Dashboard, prometheus: &Prometheus) {
    let faults = [
        (
            "memcache_pool_connections",
            "memcache_pool_connection",
            "\"Pool connections by state\" query A: no data",
        ),
        ("sum by (status)", "sum by (stauts)", "legend names label \"status\""),
        ("{{status}}", "all", "series share 1 legend names"),
        ("sum by (state)", "sum by state", "parse error"),
        ("\"0\":{\"text\":\"closed\"", "\"7\":{\"text\":\"closed\"", "value 0 has no mapping"),
        ("/ (sum(rate", "+ (sum(rate", "a share must lie in 0..1"),
        ("server=~\\\"$server\\\"", "server=~\\\"$sever\\\"", "nobody defines [\"sever\"]"),
        (
            "label_values(scenario_phase, scenario)",
            "label_values(scenario_phase, name)",
            "variable scenario: no values",
        ),
        ("\"expr\":\"1000 * ", "\"expr\":\"1 * ", "annotation Testing: nothing to see"),
        ("(run {{run}})", "(run {{number}})", "title names label \"number\""),
    ];
    for (text, replacement, expected) in faults {
        let problems =
            dashboard.with(text, replacement).ask(prometheus, Window::before(now(), QUARTER_HOUR)).problems;
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{replacement}: {problems:#?}");
    }
}

type Phases = BTreeMap<(String, String), (i64, i64)>;

/// What the annotations draw: start and end in ms by phase and run.
fn drawn(report: &Report) -> Phases {
    let label = |event: &testkit::dashboard::Event, name: &str| event.labels[name].clone();
    let all = report.events.values().flatten();
    all.map(|event| ((label(event, "phase"), label(event, "run")), (event.start_ms, event.end_ms))).collect()
}

/// What scenariod said of its phases.
fn walked(prometheus: &Prometheus) -> Phases {
    let stamps = |edge: &str| {
        let series =
            prometheus.query(&format!("last_over_time(scenario_phase_{edge}_timestamp_seconds[5m])"));
        let ms = |value: f64| (value * 1_000.0).floor() as i64;
        series
            .into_iter()
            .map(|one| ((one.labels["phase"].clone(), one.labels["run"].clone()), ms(one.value())))
            .collect::<BTreeMap<_, _>>()
    };
    let (starts, ends) = (stamps("start"), stamps("end"));
    assert_eq!((starts.len(), ends.len()), (3 * RUNS, 3 * RUNS), "three phases a run, each begun and ended");
    starts.into_iter().map(|(key, start)| (key.clone(), (start, ends[&key]))).collect()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
