//! The house rules for the structure of a dashboard file. Pure: it needs only the file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::{list, panels, text};

/// Grafana's unit ids that this project uses or may use.
const UNITS: [&str; 12] = [
    "none",
    "short",
    "percent",
    "percentunit",
    "s",
    "ms",
    "ops",
    "cps",
    "bytes",
    "decbytes",
    "bool",
    "dateTimeAsIso",
];

pub(crate) fn problems(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut rule = |holds: bool, problem: String| {
        if !holds {
            found.push(problem);
        }
    };
    for key in ["uid", "title", "tags", "schemaVersion", "time", "refresh", "panels", "links"] {
        rule(!dashboard[key].is_null(), format!("no {key}"));
    }
    let uid = text(&dashboard["uid"]);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    rule(
        (1..=40).contains(&uid.len()) && uid.chars().all(plain),
        format!("uid {uid:?} is not a short plain word"),
    );
    rule(dashboard["id"].is_null(), "id belongs to the database of one Grafana: leave it out".to_owned());
    rule(dashboard["__inputs"].is_null(), "__inputs is for imports by hand, not for provisioning".to_owned());
    rule(dashboard["editable"] == false, "editable must be false: the file is the source".to_owned());
    rule(dashboard["graphTooltip"] == 1, "graphTooltip must be 1: one crosshair for all panels".to_owned());
    for variable in list(&dashboard["templating"]["list"]) {
        let name = text(&variable["name"]);
        let refreshed = text(&variable["type"]) != "query" || variable["refresh"] == 2;
        rule(refreshed, format!("variable {name}: refresh must be 2, on every change of the time range"));
    }
    for link in list(&dashboard["links"]) {
        rule(
            link["tags"] == dashboard["tags"],
            format!("a link leads to {}, not to the tags of this dashboard", link["tags"]),
        );
    }
    let mut ids = BTreeSet::new();
    for panel in panels(dashboard) {
        rule(
            ids.insert(panel["id"].to_string()),
            format!("panel {}: id {} is used twice", panel["title"], panel["id"]),
        );
        panel_problems(panel)
            .into_iter()
            .for_each(|problem| rule(false, format!("panel {}: {problem}", panel["title"])));
    }
    overlap_problems(dashboard).into_iter().for_each(|problem| rule(false, problem));
    for annotation in
        list(&dashboard["annotations"]["list"]).iter().filter(|annotation| annotation["builtIn"].is_null())
    {
        let target = &annotation["target"];
        let source = text(&target["datasource"]["uid"]) == "${datasource}"
            && text(&annotation["datasource"]["uid"]) == "${datasource}";
        rule(source, format!("annotation {}: data source is not ${{datasource}}", annotation["name"]));
        rule(
            !target["interval"].is_null(),
            format!("annotation {}: no `interval`: a point is as wide as a pixel", annotation["name"]),
        );
        rule(
            annotation["useValueForTime"] == true,
            format!("annotation {}: draws samples, not timestamps", annotation["name"]),
        );
        rule(
            text(&target["expr"]).starts_with("1000 * "),
            format!("annotation {}: timestamps are not in ms", annotation["name"]),
        );
        clock_problems(text(&target["expr"]))
            .into_iter()
            .for_each(|problem| rule(false, format!("annotation {}: {problem}", annotation["name"])));
    }
    found
}

fn panel_problems(panel: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for key in ["title", "description"] {
        if text(&panel[key]).trim().is_empty() {
            found.push(format!("no {key}"));
        }
    }
    let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
    if !UNITS.contains(&unit) {
        found.push(format!("unit {unit:?} is missing or not in the list"));
    }
    if panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] == true {
        found.push("spanNulls hides missing data: a gap is information".to_owned());
    }
    if list(&panel["targets"]).is_empty() {
        found.push("no query".to_owned());
    }
    let steps = list(&panel["fieldConfig"]["defaults"]["thresholds"]["steps"]);
    if !steps.is_sorted_by_key(|step| step["value"].as_f64().unwrap_or(f64::MIN)) {
        found.push("thresholds are not in rising order: some of them never show".to_owned());
    }
    let refs: BTreeSet<_> = list(&panel["targets"]).iter().map(|target| text(&target["refId"])).collect();
    if refs.len() < list(&panel["targets"]).len() {
        found.push("two queries have the same refId: only one is shown".to_owned());
    }
    for target in list(&panel["targets"]) {
        let source =
            if target["datasource"].is_null() { &panel["datasource"] } else { &target["datasource"] };
        if text(&source["uid"]) != "${datasource}" {
            found.push("data source is not ${datasource}".to_owned());
        }
        if text(&target["expr"]).contains("or vector(") {
            found.push("`or vector()` shows a number when there is no data".to_owned());
        }
        found.extend(query_problems(text(&target["expr"])));
    }
    found
}

/// A counter must be under a rate, and a rate must have a window that Grafana fits to the zoom.
fn query_problems(query: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in query.match_indices("_total") {
        let word = query[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |i| i + 1);
        let function = query[..word].trim_end_matches('(');
        let is_rated = query[..word].ends_with('(')
            && ["rate", "increase", "last_over_time"].iter().any(|name| function.ends_with(name));
        if !is_rated {
            found.push(format!("counter without rate or increase: {}", &query[word..]));
        }
        let window = query[at..].split_once('[').map_or("", |(_, rest)| rest);
        if is_rated && !["$__rate_interval]", "$__range]"].iter().any(|fit| window.starts_with(fit)) {
            found.push(format!(
                "rate over a window that does not follow the zoom: [{}",
                window.split(']').next().unwrap_or_default()
            ));
        }
    }
    found
}

/// The clock of a region must be one rate interval behind. With less, the first sample of a phase may come after the start of
/// the phase, and the region begins up to one scrape late. With more, a running phase is drawn later than necessary.
fn clock_problems(query: &str) -> Vec<String> {
    const CLOCK: &str = "(time() - $__rate_interval_ms / 1000)";
    let mut found = Vec::new();
    if query.matches("time()").count() != query.matches(CLOCK).count() {
        found.push("its clock is not one $__rate_interval_ms behind".to_owned());
    }
    let follows = ["rate_interval]", "rate_interval)", "rate_interval_ms"];
    let other = |after: &&str| !follows.iter().any(|name| after.starts_with(name));
    for after in query.split("$__").skip(1).filter(other) {
        let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        found.push(format!("$__{name} does not follow step and scrape as $__rate_interval does"));
    }
    found
}

fn overlap_problems(dashboard: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut boxes: Vec<(&Value, [i64; 4])> = Vec::new();
    for panel in list(&dashboard["panels"]) {
        let side = |key: &str| panel["gridPos"][key].as_i64();
        let (Some(x), Some(y), Some(w), Some(h)) = (side("x"), side("y"), side("w"), side("h")) else {
            found.push(format!("panel {}: gridPos is incomplete", panel["title"]));
            continue;
        };
        if x + w > 24 {
            found.push(format!("panel {}: wider than the grid of 24 columns", panel["title"]));
        }
        for (other, [ox, oy, ow, oh]) in &boxes {
            if x < ox + ow && *ox < x + w && y < oy + oh && *oy < y + h {
                found.push(format!("panel {}: overlaps {other}", panel["title"]));
            }
        }
        boxes.push((&panel["title"], [x, y, w, h]));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_rated_over_a_fitting_window() {
        assert!(
            query_problems("sum(rate(a_total{b=\"c\"}[$__rate_interval])) / increase(a_total[$__range])")
                .is_empty()
        );
        assert_eq!(query_problems("sum(a_total)"), ["counter without rate or increase: a_total)"]);
        assert_eq!(
            query_problems("rate(a_total[1m])"),
            ["rate over a window that does not follow the zoom: [1m"]
        );
    }
}
