//! The house rules of the files. Each rule must find its fault.

use dashboard_check::Dashboard;

use crate::{DASHBOARDS, semantics};

fn problems(dashboard: &Dashboard) -> Vec<String> {
    let mut all = dashboard.file_problems();
    all.extend(semantics::problems(dashboard));
    all
}

#[test]
fn the_files_keep_the_house_rules() {
    for file in DASHBOARDS {
        let problems = problems(&Dashboard::load(file));
        assert!(problems.is_empty(), "{file}: {problems:#?}");
    }
}

/// The rule for each of these faults finds it.
#[test]
fn faults_in_a_file_are_found() {
    let faults = [
        (r#""uid":"mcr-client""#, r#""uid":"""#, "uid \"\" is not a short plain word"),
        (r#""editable":false"#, r#""editable":true"#, "editable must be false"),
        (r#""refresh":2"#, r#""refresh":1"#, "variable server: refresh must be 2"),
        (r#""refresh":"5s""#, r#""fresh":"5s""#, "no refresh"),
        (r#""graphTooltip":1"#, r#""graphTooltip":0"#, "graphTooltip must be 1"),
        (r#""title":"Wrong values""#, r#""title":"""#, "no title"),
        (
            r#""unit":"percentunit""#,
            r#""unit":"percentunits""#,
            "unit \"percentunits\" is missing or not in the list",
        ),
        (r#""uid":"${datasource}""#, r#""uid":"prometheus""#, "data source is not ${datasource}"),
        (r#""id":2,"#, r#""id":1,"#, "id 1 is used twice"),
        (r#""x":12,"y":5"#, r#""x":11,"y":5"#, "panel \"Error ratio by server\": overlaps"),
        (r#""x":12,"y":5"#, r#""x":13,"y":5"#, "wider than the grid"),
        (r#""x":12,"y":5,"#, r#""x":12,"#, "gridPos is incomplete"),
        ("[$__rate_interval]))", "[1m]))", "does not follow the zoom: [1m"),
        ("sum by (status) (rate(", "sum by (status) ((", "counter without rate or increase"),
        (r#""interval":"1s""#, r#""min":"1s""#, "no `interval`"),
        (
            r#""description":"One lane per server: closed"#,
            r#""about":"One lane a server: closed"#,
            "panel \"Circuit breaker\": no description",
        ),
        (r#""useValueForTime":true"#, r#""useValueForTime":false"#, "draws samples, not timestamps"),
        (r#""expr":"1000 * "#, r#""expr":"1 * "#, "timestamps are not in ms"),
        ("$__rate_interval_ms", "$__interval_ms", "its clock is not one $__rate_interval_ms behind"),
        ("time() - $__rate_interval_ms / 1000", "time()", "its clock is not one $__rate_interval_ms behind"),
        (
            "time() - $__rate_interval_ms / 1000",
            "time() - $__range_s",
            "its clock is not one $__rate_interval_ms behind",
        ),
        (
            r#"phase=\"testing\"}[$__rate_interval]"#,
            r#"phase=\"testing\"}[$__interval]"#,
            "annotation \"Testing\": $__interval does not follow",
        ),
        (r#""spanNulls":false"#, r#""spanNulls":true"#, "a gap is information"),
        (
            r#""value":0.01,"color":"red""#,
            r#""value":0.0001,"color":"red""#,
            "thresholds are not in rising order",
        ),
        (r#""refId":"B""#, r#""refId":"A""#, "two queries have the same refId"),
        (
            r#""title":"Memcache resilience","tags":["memcache-resilience"]"#,
            r#""title":"Memcache resilience","tags":["memcache"]"#,
            "not to the tags of this dashboard",
        ),
        ("> bool 0)\",", "> bool 0) or vector(0)\",", "`or vector()` shows a number when there is no data"),
    ];
    each_is_found(DASHBOARDS[0], &faults);
}

/// The other dashboard has other panels, variables and words.
#[test]
fn faults_in_the_analysis_are_found() {
    let faults = [
        (r#""expr":"1000 * "#, r#""expr":"1 * "#, "annotation \"Testing\": timestamps are not in ms"),
        (r#""name":"Recovery""#, r#""name":"After""#, "annotation \"After\": draws \"recovery\""),
        (r#""iconColor":"red""#, r#""iconColor":"green""#, "green is not the colour of that phase"),
        (
            r#"phase=\"stabilization\",server=~\"$server\""#,
            r#"phase=\"testing\",server=~\"$server\""#,
            "queries phase \"testing\" and is called \"stabilization\"",
        ),
        (
            r#"phase=\"stabilization\"}[$__range])))"#,
            r#"phase=\"idle\"}[$__range])))"#,
            "queries phase \"idle\"",
        ),
        (
            r#""-1":{"text":"inconclusive""#,
            r#""2":{"text":"inconclusive""#,
            "values of scenario_expectation_result",
        ),
        (r#""0":{"text":"failed""#, r#""0":{"text":"held""#, "values of scenario_expectation_result"),
        (
            r#""1":{"text":"on","color":"red""#,
            r#""1":{"text":"on","color":"green""#,
            "values of toxiproxy_toxic_active",
        ),
        (r#""2":{"text":"testing""#, r#""2":{"text":"recovery""#, "values of scenario_phase"),
        (
            r#""unit":"s""#,
            r#""unit":"ms""#,
            "\"Time to detect\" query A: unit \"ms\" for a result in Seconds",
        ),
        (r#""unit":"percent","#, r#""unit":"percentunit","#, "a result in Percent"),
        (r#""unit":"ops""#, r#""unit":"short""#, "a result in PerSecond"),
        (r#""unit":"percentunit""#, r#""unit":"percent""#, "a result in Share"),
        (r#""x":8,"y":35"#, r#""x":7,"y":35"#, "panel \"Time to recover (breaker)\": overlaps"),
        (r#""id":20,"#, r#""id":19,"#, "id 19 is used twice"),
        (r#""name":"slo""#, r#""name":"objective""#, "variable objective is unused"),
        ("(1 - $slo)", "(1 - 0.999)", "variable slo is unused"),
        (r#"server=~\"$server\""#, r#"server=~\"$node\""#, "undefined variable node"),
        (r#",run=~\"$run\",phase=\"testing\"}"#, r#",phase=\"testing\"}"#, "does not use $run"),
        (
            r#"scenario_runs_total{scenario=~"#,
            r#"scenario_runs_total{scenaro=~"#,
            "scenario_runs_total has no label \"scenaro\"",
        ),
        ("sum by (server, phase) (", "sum by (server, phse) (", "groups by \"phse\", which no metric has"),
        ("sum by (type) (rate(", "sum by (type) ((", "counter without rate or increase"),
        (
            r#"(toxiproxy_toxic_active{server=~\"$server\"})"#,
            r#"(rate(toxiproxy_toxic_active{server=~\"$server\"}[$__rate_interval]))"#,
            "toxiproxy_toxic_active under Some(\"rate\")",
        ),
        (
            "histogram_quantile(0.99,",
            "histogram_quantile(0.9,",
            "queries quantile 0.9 and its name has another one",
        ),
        (
            "increase(scenario_runs_total{scenario=~\\\"$scenario\\\"}[$__range]",
            "increase(scenario_runs_total{scenario=~\\\"$scenario\\\"}[$__rate_interval]",
            "looks back over its last seconds only",
        ),
        (
            "status=\\\"failed\\\"}[$__rate_interval]",
            "status=\\\"failed\\\"}[$__range]",
            "every point looks back over the whole range",
        ),
        ("status=\\\"failed\\\"}[$__range]", "status=\\\"failed\\\"}[15m]", "does not follow the zoom: [15m"),
    ];
    each_is_found(DASHBOARDS[1], &faults);
}

fn each_is_found(file: &str, faults: &[(&str, &str, &str)]) {
    let good = Dashboard::load(file);
    for (text, replacement, expected) in faults {
        let problems = problems(&good.with(text, replacement));
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{replacement}: {problems:#?}");
    }
}

#[test]
fn dashboards_keep_their_uids() {
    let uid = |file: &str| {
        let json: serde_json::Value = serde_json::from_str(&Dashboard::load(file).json()).unwrap();
        json["uid"].as_str().unwrap().to_owned()
    };
    assert_eq!(DASHBOARDS.map(uid), ["mcr-client", "mcr-scenario"], "links and bookmarks name them");
}
