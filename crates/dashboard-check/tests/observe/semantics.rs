//! Whether a dashboard uses metrics as they are declared: their labels, the functions that fit their kind, the words for their
//! values, and the variables that select their series.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use dashboard_check::{Dashboard, LabelMatcher, MatchKind, Query, Selector};
use metrics_core::families::declared;
use metrics_core::labels::{BreakerState, Finding, Phase};
use metrics_core::{Family, Kind};
use serde_json::Value;
use testkit::workspace;

/// The labels that Prometheus adds to every series.
const GIVEN: [&str; 2] = ["job", "instance"];
/// Panels that also show a value of the whole lab.
const FOR_ALL_SERVERS: [&str; 1] = ["Asked and answered load"];

/// The problems of a dashboard, given the declared metrics and the recording rules.
pub(crate) fn problems(dashboard: &Dashboard) -> Vec<String> {
    let known = labels();
    let variables = variables(dashboard);
    let mut found = Vec::new();
    for panel in dashboard.panels() {
        let title = panel["title"].as_str().unwrap_or_default();
        for target in panel["targets"].as_array().into_iter().flatten() {
            let Ok(query) = Query::read(target["expr"].as_str().unwrap_or_default()) else { continue };
            let mut problems = label_problems(&query, &known);
            problems.extend(query.selectors.iter().filter_map(function_problem));
            if !FOR_ALL_SERVERS.contains(&title) {
                problems.extend(variable_problems(&query, &known, &variables));
            }
            problems.extend(word_problem(&query, panel, target));
            found.extend(problems.into_iter().map(|problem| format!("panel {title:?}: {problem}")));
        }
    }
    for annotation in dashboard.annotations() {
        let name = annotation["name"].as_str().unwrap_or_default();
        let Ok(query) = Query::read(annotation["target"]["expr"].as_str().unwrap_or_default()) else {
            continue;
        };
        let mut problems = label_problems(&query, &known);
        problems.extend(variable_problems(&query, &known, &variables));
        let colour = annotation["iconColor"].as_str().unwrap_or_default();
        let of_phase =
            words("scenario_phase").into_iter().flatten().find(|(_, word, _)| *word == name.to_lowercase());
        if of_phase.is_none_or(|(.., of_phase)| of_phase != colour) {
            problems.push(format!("{colour} is not the colour of that phase"));
        }
        found.extend(problems.into_iter().map(|problem| format!("annotation {name:?}: {problem}")));
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

/// The recording rules and alerts: name and query.
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
fn rules_use_metrics_as_they_are_declared() {
    let known = labels();
    let wrong = |promql: &str| {
        let query = Query::read(promql).unwrap();
        let function_problems = query.selectors.iter().filter_map(function_problem);
        label_problems(&query, &known).into_iter().chain(function_problems).collect::<Vec<_>>()
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

/// Under `.*`, a label that no series has matches every series, and grouping by it makes one group of all.
fn label_problems(query: &Query, known: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = Vec::new();
    let mut all = BTreeSet::new();
    for selector in &query.selectors {
        let Some(labels) = known.get(&selector.metric) else { continue };
        all.extend(labels.clone());
        let foreign = selector.matchers.iter().find(|matcher| !labels.contains(&matcher.label));
        found.extend(foreign.map(|matcher| format!("{} has no label {:?}", selector.metric, matcher.label)));
    }
    found.extend(
        query
            .labels
            .iter()
            .filter(|label| !all.contains(*label))
            .map(|label| format!("groups by {label:?}, which no metric has")),
    );
    found
}

/// A counter must be under a rate, another metric must not.
fn function_problem(selector: &Selector) -> Option<String> {
    let is_counter = ["_total", "_bucket", "_count", "_sum"].iter().any(|end| selector.metric.ends_with(end));
    let is_rated =
        selector.function.is_some_and(|function| ["rate", "irate", "increase"].contains(&function));
    (is_rated != is_counter && !selector.metric.contains(':'))
        .then(|| format!("{} under {:?}", selector.metric, selector.function))
}

/// Metrics whose series a variable could select and does not.
fn variable_problems(
    query: &Query,
    known: &BTreeMap<String, BTreeSet<String>>,
    variables: &BTreeSet<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    for selector in &query.selectors {
        let labels = known.get(&selector.metric).cloned().unwrap_or_default();
        for label in labels.intersection(variables) {
            let value = format!("${label}");
            let by_variable = LabelMatcher { label: label.clone(), kind: MatchKind::Match, value };
            if !selector.matchers.contains(&by_variable) {
                found.push(format!("{} does not use ${label}", selector.metric));
            }
        }
    }
    found
}

/// The words for a metric's values: value, word, colour.
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

/// The value mappings of a panel, or of this query's column in a table.
fn mappings<'a>(panel: &'a Value, target: &Value) -> Option<&'a Vec<Value>> {
    let config = &panel["fieldConfig"];
    let column = dashboard_check::column(panel, target);
    let overrides = config["overrides"].as_array().into_iter().flatten();
    let of_column = overrides.filter(|one| !column.is_empty() && one["matcher"]["options"] == column);
    let properties = of_column.flat_map(|one| one["properties"].as_array().into_iter().flatten());
    let of_column = properties.filter(|one| one["id"] == "mappings").map(|one| &one["value"]).next();
    of_column.unwrap_or(&config["defaults"]["mappings"]).as_array().filter(|all| !all.is_empty())
}

/// The words that a lane shows must be those of the metric.
fn word_problem(query: &Query, panel: &Value, target: &Value) -> Option<String> {
    let metric = query.selectors.first().map(|selector| selector.metric.as_str()).unwrap_or_default();
    let lane = panel["type"] == "state-timeline";
    let Some(mappings) = mappings(panel, target) else {
        return lane.then(|| "lanes without value mappings".to_owned());
    };
    let mut shown = BTreeSet::new();
    for (value, is) in mappings.iter().filter_map(|one| one["options"].as_object()).flatten() {
        let part = |key: &str| is[key].as_str().unwrap_or_default().to_owned();
        shown.insert((value.clone(), part("text"), part("color")));
    }
    let expected = words(metric)?.into_iter().map(|(value, word, colour)| (value, word, colour.to_owned()));
    let expected: BTreeSet<_> = expected.collect();
    (shown != expected).then(|| format!("values of {metric} are shown as {shown:?}, must be {expected:?}"))
}
