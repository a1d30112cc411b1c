//! The house rules of the files, and that each rule finds the fault it is meant for.

use testkit::dashboard::Dashboard;

use crate::DASHBOARDS;

#[test]
fn the_files_keep_the_house_rules() {
    for file in DASHBOARDS {
        let problems = Dashboard::load(file).structure();
        assert!(problems.is_empty(), "{file}: {problems:#?}");
    }
}

/// A rule that no file can break is no rule: each of these faults is found by the rule that is meant for it.
#[test]
fn faults_in_a_file_are_found() {
    let good = Dashboard::load(DASHBOARDS[0]);
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
        (r#""interval":"1s""#, r#""min":"1s""#, "without `interval`"),
        (r#""description":"One lane"#, r#""about":"One lane"#, "panel \"Circuit breaker\": no description"),
        (r#""useValueForTime":true"#, r#""useValueForTime":false"#, "draws samples, not timestamps"),
        (r#""expr":"1000 * "#, r#""expr":"1 * "#, "timestamps are not in ms"),
        ("$__rate_interval_ms", "$__interval_ms", "its clock is not held back"),
        ("time() - $__rate_interval_ms / 1000", "time()", "its clock is not held back"),
        ("time() - $__rate_interval_ms / 1000", "time() - $__range_s", "its clock is not held back"),
        (
            r#"phase=\"testing\"}[$__rate_interval]"#,
            r#"phase=\"testing\"}[$__interval]"#,
            "annotation \"Testing\": $__interval does not follow",
        ),
        (r#""spanNulls":false"#, r#""spanNulls":true"#, "a gap is information"),
    ];
    for (text, replacement, expected) in faults {
        let problems = good.with(text, replacement).structure();
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{replacement}: {problems:#?}");
    }
}

#[test]
fn dashboards_have_uids_of_their_own() {
    let uid = |file: &str| {
        let json: serde_json::Value = serde_json::from_str(&Dashboard::load(file).json()).unwrap();
        json["uid"].as_str().unwrap().to_owned()
    };
    assert_eq!(DASHBOARDS.map(uid), ["mcr-client", "mcr-scenario"], "links and bookmarks name them");
}
