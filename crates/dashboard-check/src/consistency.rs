//! Whether the texts of a dashboard fit its queries: units, names of phases and quantiles, time ranges, variables. Pure: it
//! needs only the file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::json::{list, panels, text};
use crate::query::{Lookback, Query, Selector};

pub(crate) fn problems(dashboard: &Value) -> Vec<String> {
    let mut found = variable_problems(dashboard);
    for panel in panels(dashboard) {
        for target in list(&panel["targets"]) {
            let place = format!("panel {} query {}", panel["title"], text(&target["refId"]));
            match Query::read(text(&target["expr"])) {
                Ok(query) => {
                    found.extend(
                        target_problems(panel, target, &query).into_iter().map(|p| format!("{place}: {p}")),
                    );
                }
                Err(error) => found.push(format!("{place}: {error}")),
            }
        }
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        let name = text(&annotation["name"]);
        match Query::read(text(&annotation["target"]["expr"])) {
            Ok(query) => {
                let other = phases(&query.selectors).into_iter().find(|phase| *phase != name.to_lowercase());
                found.extend(other.map(|phase| format!("annotation {name:?}: draws {phase:?}")));
            }
            Err(error) => found.push(format!("annotation {name:?}: {error}")),
        }
    }
    found
}

fn target_problems(panel: &Value, target: &Value, query: &Query) -> Vec<String> {
    let mut found = Vec::new();
    let defaults = &panel["fieldConfig"]["defaults"];
    let column = column(panel, target);
    let unit = column_unit(panel, column).unwrap_or_else(|| text(&defaults["unit"]));
    if !query.measure.units().contains(&unit) {
        found.push(format!("unit {unit:?} for a result in {:?}", query.measure));
    }
    if text(&panel["type"]) == "heatmap" {
        let times = query.selectors.iter().all(|selector| selector.metric.contains("_seconds"));
        let axis = text(&panel["options"]["yAxis"]["unit"]);
        if times != (axis == "s") {
            found.push(format!("unit {axis:?} on the axis of the buckets"));
        }
    }
    let legend = text(&target["legendFormat"]);
    if let Some(phase) = phases(&query.selectors).into_iter().find(|phase| !legend.contains(*phase)) {
        found.push(format!("queries phase {phase:?} and is called {legend:?}"));
    }
    let name_quantile = [legend, column, text(&panel["title"])].into_iter().find_map(quantile);
    if let Some(other) =
        query.quantiles.iter().find(|queried| name_quantile.is_some_and(|named| named != **queried))
    {
        found.push(format!("queries quantile {other} and its name has another one"));
    }
    let instant = target["instant"] == true && target["range"] != true;
    for window in query.selectors.iter().filter_map(|selector| selector.window) {
        match window {
            Lookback::Range if !instant => {
                found.push("every point looks back over the whole range".to_owned())
            }
            Lookback::RateInterval if instant => {
                found.push("a single value for the range looks back over its last seconds only".to_owned());
            }
            Lookback::Range | Lookback::RateInterval | Lookback::Fixed => {}
        }
    }
    found
}

/// The name of the column in which a table shows the result of a query.
pub fn column<'a>(panel: &'a Value, target: &Value) -> &'a str {
    let value = format!("Value #{}", text(&target["refId"]));
    let renamed = list(&panel["transformations"]).iter().map(|step| &step["options"]["renameByName"][&value]);
    renamed.map(text).find(|name| !name.is_empty()).unwrap_or_default()
}

fn column_unit<'a>(panel: &'a Value, column: &str) -> Option<&'a str> {
    let overrides = list(&panel["fieldConfig"]["overrides"]).iter();
    let of_column = overrides.filter(|one| !column.is_empty() && text(&one["matcher"]["options"]) == column);
    let properties = of_column.flat_map(|one| list(&one["properties"]));
    properties.filter(|property| text(&property["id"]) == "unit").map(|unit| text(&unit["value"])).next()
}

/// The phases that the selectors name.
fn phases(selectors: &[Selector]) -> BTreeSet<&str> {
    let matchers = selectors.iter().flat_map(|selector| &selector.matchers);
    matchers.filter(|matcher| matcher.label == "phase").map(|matcher| matcher.value.as_str()).collect()
}

/// The quantile that a name contains: `p99.9` is 0.999.
fn quantile(text: &str) -> Option<f64> {
    let number = |word: &str| word.strip_prefix('p')?.parse::<f64>().ok();
    text.split_whitespace().find_map(number).map(|percent| (percent * 10.0).round() / 1_000.0)
}

/// Each variable must be used, and each used variable must be defined.
fn variable_problems(dashboard: &Value) -> Vec<String> {
    let all = list(&dashboard["templating"]["list"]);
    let name = |variable: &Value| text(&variable["name"]).to_owned();
    let defined: BTreeSet<String> = all.iter().map(name).collect();
    let mut used = BTreeSet::new();
    for part in ["panels", "annotations", "templating"] {
        used.extend(variable_names(&dashboard[part].to_string()));
    }
    let unused = defined.difference(&used).map(|name| format!("variable {name} is unused"));
    let unknown = used.difference(&defined).map(|name| format!("undefined variable {name}"));
    unused.chain(unknown).collect()
}

/// The variables in a text, without Grafana's own ones.
fn variable_names(text: &str) -> BTreeSet<String> {
    let word = |part: &str| {
        let part = part.trim_start_matches('{');
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        part[..end].to_owned()
    };
    text.split('$').skip(1).map(word).filter(|name| !name.is_empty() && !name.starts_with("__")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_read_from_names() {
        assert_eq!(
            ["p50", "p99.9", "p99 latency by server", "phase", "pool"].map(quantile),
            [Some(0.5), Some(0.999), Some(0.99), None, None]
        );
    }

    #[test]
    fn variables_are_found_in_any_text() {
        let text = "a{b=~\"$b\"} $__range ${c} ${d:regex} x$";
        assert_eq!(variable_names(text), ["b", "c", "d"].map(str::to_owned).into());
    }
}
