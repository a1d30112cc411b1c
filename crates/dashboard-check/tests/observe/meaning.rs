//! Whether a dashboard reads metrics as they are declared: their labels, what may be rated, the words of their values, and
//! every series by the variables that choose it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dashboard_check::{Dashboard, Query, Selector};
use metrics_core::families::declared;
use metrics_core::labels::{BreakerState, Finding, Phase};
use metrics_core::{Family, Kind};
use serde_json::Value;
use testkit::workspace;

/// What Prometheus gives every series.
const GIVEN: [&str; 2] = ["job", "instance"];
/// Panels that show something of the lab as a whole beside it.
const OF_ALL_SERVERS: [&str; 1] = ["Asked and answered load"];

/// What is wrong with a dashboard, given what is declared and recorded.
pub(crate) fn problems(dashboard: &Dashboard) -> Vec<String> {
    let known = labels();
    let variables = variables(dashboard);
    let mut found = Vec::new();
    for panel in dashboard.panels() {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let Ok(query) = Query::read(target["expr"].as_str().unwrap_or_default()) else { continue };
            let mut wrong = of_labels(&query, &known);
            wrong.extend(query.selectors.iter().filter_map(of_kind));
            if !OF_ALL_SERVERS.contains(&title) {
                wrong.extend(unchosen(&query, &known, &variables));
            }
            wrong.extend(of_words(&query, panel, target));
            found.extend(wrong.into_iter().map(|problem| format!("panel {title:?}: {problem}")));
        }
    }
    for annotation in dashboard.annotations() {
        let name = annotation["name"].as_str().unwrap_or_default();
        let Ok(query) = Query::read(annotation["target"]["expr"].as_str().unwrap_or_default()) else {
            continue;
        };
        let mut wrong = of_labels(&query, &known);
        wrong.extend(unchosen(&query, &known, &variables));
        let colour = annotation["iconColor"].as_str().unwrap_or_default();
        let of_phase =
            words("scenario_phase").into_iter().flatten().find(|(_, word, _)| *word == name.to_lowercase());
        if of_phase.is_none_or(|(.., of_phase)| of_phase != colour) {
            wrong.push(format!("{colour} is not the colour of that phase"));
        }
        found.extend(wrong.into_iter().map(|problem| format!("annotation {name:?}: {problem}")));
    }
    found
}

/// The labels of every metric that a query may select.
fn labels() -> BTreeMap<String, BTreeSet<String>> {
    let owned = |labels: &[&str]| {
        labels.iter().chain(&GIVEN).map(|label| (*label).to_owned()).collect::<BTreeSet<_>>()
    };
    let mut known = BTreeMap::new();
    for Family { name, kind, labels, .. } in declared() {
        match kind {
            Kind::Counter | Kind::Gauge => drop(known.insert((*name).to_owned(), owned(labels))),
            Kind::Histogram => {
                for end in ["_sum", "_count"] {
                    known.insert(format!("{name}{end}"), owned(labels));
                }
                known.insert(format!("{name}_bucket"), owned(&[*labels, &["le"]].concat()));
            }
        }
    }
    for (record, promql) in rules() {
        known.insert(record, Query::read(&promql).unwrap().labels);
    }
    known
}

/// What is recorded or fires, and from what.
fn rules() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for file in fs::read_dir(workspace().join("prometheus/rules")).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let rules: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let groups = rules["groups"].as_sequence().into_iter().flatten();
        for rule in groups.flat_map(|group| group["rules"].as_sequence().into_iter().flatten()) {
            let name = rule["record"].as_str().or(rule["alert"].as_str()).unwrap();
            all.push((name.to_owned(), rule["expr"].as_str().unwrap().to_owned()));
        }
    }
    all
}

#[test]
fn rules_read_metrics_as_they_are_declared() {
    let known = labels();
    let wrong = |promql: &str| {
        let query = Query::read(promql).unwrap();
        let of_kind = query.selectors.iter().filter_map(of_kind);
        of_labels(&query, &known).into_iter().chain(of_kind).collect::<Vec<_>>()
    };
    for (name, promql) in rules() {
        assert_eq!(wrong(&promql), [""; 0], "{name}");
    }
    for bad in [
        "sum by (sever) (rate(memcache_operations_total[5s]))",
        "rate(memcache_operations_total{state=\"failed\"}[5s])",
        "max(memcache_operations_total) > 0",
        "rate(scenario_phase[5s])",
    ] {
        assert_eq!(wrong(bad).len(), 1, "{bad}: {:?}", wrong(bad));
    }
}

fn variables(dashboard: &Dashboard) -> BTreeSet<String> {
    let json: Value = serde_json::from_str(&dashboard.json()).unwrap();
    let all = json["templating"]["list"].as_array().into_iter().flatten();
    all.map(|variable| variable["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A label that no series has matches every series under `.*`, and groups them all as one.
fn of_labels(query: &Query, known: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut all = BTreeSet::new();
    for selector in &query.selectors {
        let Some(labels) = known.get(&selector.metric) else { continue };
        all.extend(labels.clone());
        let foreign = selector.matchers.iter().find(|(label, ..)| !labels.contains(label));
        found.extend(foreign.map(|(label, ..)| format!("{} has no label {label:?}", selector.metric)));
    }
    found.extend(
        query
            .labels
            .iter()
            .filter(|label| !all.contains(*label))
            .map(|label| format!("groups by {label:?}, which nothing has")),
    );
    found
}

/// Only what always grows has a rate.
fn of_kind(selector: &Selector) -> Option<String> {
    let grows = ["_total", "_bucket", "_count", "_sum"].iter().any(|end| selector.metric.ends_with(end));
    let rated = selector.function.is_some_and(|function| ["rate", "irate", "increase"].contains(&function));
    (rated != grows && !selector.metric.contains(':'))
        .then(|| format!("{} under {:?}", selector.metric, selector.function))
}

/// Series that a variable could choose and does not.
fn unchosen(
    query: &Query,
    known: &BTreeMap<String, BTreeSet<String>>,
    variables: &BTreeSet<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    for selector in &query.selectors {
        let labels = known.get(&selector.metric).cloned().unwrap_or_default();
        for label in labels.intersection(variables) {
            let chosen = (label.clone(), true, format!("${label}"));
            if !selector.matchers.contains(&chosen) {
                found.push(format!("{} is not chosen by ${label}", selector.metric));
            }
        }
    }
    found
}

/// The words of a metric's values: value, word, colour.
fn words(metric: &str) -> Option<Vec<(String, String, &'static str)>> {
    let all: Vec<(f64, &str, &str)> = match metric {
        "scenario_phase" => {
            let colours = ["text", "blue", "red", "green"];
            Phase::ALL
                .into_iter()
                .zip(colours)
                .map(|(phase, colour)| (phase.index() as f64, phase.as_str(), colour))
                .collect()
        }
        "memcache_circuit_breaker_state" => {
            let colours = ["green", "yellow", "red"];
            BreakerState::ALL
                .into_iter()
                .zip(colours)
                .map(|(state, colour)| (state.index() as f64, state.as_str(), colour))
                .collect()
        }
        "scenario_expectation_result" => {
            let words = ["held", "failed", "inconclusive"].into_iter().zip(["green", "red", "yellow"]);
            Finding::ALL
                .into_iter()
                .zip(words)
                .map(|(finding, (word, colour))| (finding.value(), word, colour))
                .collect()
        }
        "toxiproxy_toxic_active" => vec![(0.0, "off", "text"), (1.0, "on", "red")],
        _ => return None,
    };
    Some(
        all.into_iter()
            .map(|(value, word, colour)| (value.to_string(), word.replace('_', "-"), colour))
            .collect(),
    )
}

/// What a panel, or a table in the column of this query, makes of values.
fn mappings<'a>(panel: &'a Value, target: &Value) -> Option<&'a Vec<Value>> {
    let config = &panel["fieldConfig"];
    let column = dashboard_check::column(panel, target);
    let overrides = config["overrides"].as_array().into_iter().flatten();
    let of_column = overrides.filter(|one| !column.is_empty() && one["matcher"]["options"] == column);
    let properties = of_column.flat_map(|one| one["properties"].as_array().into_iter().flatten());
    let of_column = properties.filter(|one| one["id"] == "mappings").map(|one| &one["value"]).next();
    of_column.unwrap_or(&config["defaults"]["mappings"]).as_array().filter(|all| !all.is_empty())
}

/// A lane shows words, and they are those of the metric.
fn of_words(query: &Query, panel: &Value, target: &Value) -> Option<String> {
    let metric = query.selectors.first().map(|selector| selector.metric.as_str()).unwrap_or_default();
    let lane = panel["type"] == "state-timeline";
    let Some(mappings) = mappings(panel, target) else {
        return lane.then(|| "lanes without words".to_owned());
    };
    let mut shown = BTreeSet::new();
    for (value, is) in mappings.iter().filter_map(|one| one["options"].as_object()).flatten() {
        let part = |key: &str| is[key].as_str().unwrap_or_default().to_owned();
        shown.insert((value.clone(), part("text"), part("color")));
    }
    let meant = words(metric)?.into_iter().map(|(value, word, colour)| (value, word, colour.to_owned()));
    let meant: BTreeSet<_> = meant.collect();
    (shown != meant).then(|| format!("values of {metric} are shown as {shown:?} and mean {meant:?}"))
}
