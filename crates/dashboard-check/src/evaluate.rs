//! Sends every query of a dashboard to a running Prometheus and checks the results.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::fields::{self, Fields};
use crate::grafana::{
    Event, duration_ms, events, fill, interpolate, placeholders, rate_interval_ms, step_ms,
};
use crate::json::{list, panels, text};
use crate::query::{LabelMatcher, MatchKind, Query};
use testkit::{Prometheus, QueryError, Series};

/// Width of the browser in pixels. The step of a query depends on it.
const WIDTH: u64 = 1600;
/// The provisioned `timeInterval` of the data source, which is the scrape interval.
const SCRAPE_MS: u64 = 1_000;

/// The time range of a dashboard, in Unix seconds.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Left edge.
    pub start: f64,
    /// Right edge.
    pub end: f64,
}

impl Window {
    /// The last `seconds` before `end`. The end may be in the future, so that a coarse grid has a point after the latest event.
    pub fn before(end: f64, seconds: f64) -> Self {
        Self { start: end - seconds, end }
    }

    fn ms(self) -> f64 {
        (self.end - self.start) * 1_000.0
    }
}

/// The results of an evaluation.
#[derive(Debug, Default)]
pub struct Report {
    /// The problems, each with its panel, variable or annotation.
    pub problems: Vec<String>,
    /// One line for each query that has a result.
    pub notes: Vec<String>,
    /// Panels without data.
    pub empty: BTreeSet<String>,
    /// The events of each annotation.
    pub events: BTreeMap<String, Vec<Event>>,
}

struct Evaluation<'a> {
    prometheus: &'a Prometheus,
    window: Window,
    variables: BTreeMap<String, String>,
    report: Report,
}

pub(crate) fn evaluate(dashboard: &Value, prometheus: &Prometheus, window: Window) -> Report {
    let mut evaluation = Evaluation::new(dashboard, prometheus, window);
    for panel in panels(dashboard) {
        let mut fields = Fields::default();
        for target in list(&panel["targets"]) {
            evaluation.panel(panel, target, &mut fields);
        }
        let title = format!("panel {}", panel["title"]);
        fields::problems(panel, &fields).into_iter().for_each(|problem| evaluation.problem(&title, problem));
    }
    evaluation.annotations(dashboard);
    evaluation.report
}

pub(crate) fn evaluate_annotations(dashboard: &Value, prometheus: &Prometheus, window: Window) -> Report {
    let mut evaluation = Evaluation::new(dashboard, prometheus, window);
    evaluation.annotations(dashboard);
    evaluation.report
}

impl<'a> Evaluation<'a> {
    fn new(dashboard: &Value, prometheus: &'a Prometheus, window: Window) -> Self {
        let mut evaluation =
            Self { prometheus, window, variables: BTreeMap::new(), report: Report::default() };
        list(&dashboard["templating"]["list"]).iter().for_each(|variable| evaluation.variable(variable));
        evaluation
    }

    fn annotations(&mut self, dashboard: &Value) {
        let all = list(&dashboard["annotations"]["list"]).iter();
        all.filter(|one| one["builtIn"].is_null()).for_each(|one| self.annotation(one));
    }

    fn problem(&mut self, place: &str, problem: impl std::fmt::Display) {
        self.report.problems.push(format!("{place}: {problem}"));
    }

    fn variable(&mut self, variable: &Value) {
        let name = text(&variable["name"]).to_owned();
        let place = format!("variable {name}");
        if text(&variable["type"]) != "query" {
            let current = &variable["current"]["value"];
            self.variables
                .insert(name, current.as_str().unwrap_or_else(|| text(&variable["query"])).to_owned());
            return;
        }
        let query = variable["query"]["query"].as_str().unwrap_or_else(|| text(&variable["query"]));
        let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let Some((selector, label)) = inner.and_then(|inner| inner.rsplit_once(',')) else {
            return self.problem(&place, format!("not label_values(selector, label): {query}"));
        };
        let values = match self.interpolated(selector, SCRAPE_MS) {
            Ok(selector) => {
                self.prometheus.label_values(label.trim(), &selector, self.window.start, self.window.end)
            }
            Err(error) => Err(error),
        };
        match values {
            Err(QueryError(error)) => self.problem(&place, error),
            Ok(values) if values.is_empty() => self.problem(&place, "no values"),
            Ok(values) => {
                self.report.notes.push(format!("{place}: {values:?}"));
                let all = variable["allValue"]
                    .as_str()
                    .map_or_else(|| format!("({})", values.join("|")), str::to_owned);
                let chosen = if variable["includeAll"] == true { all } else { values[0].clone() };
                self.variables.insert(name, chosen);
            }
        }
    }

    fn panel(&mut self, panel: &Value, target: &Value, fields: &mut Fields) {
        let place = format!("panel {} query {}", panel["title"], text(&target["refId"]));
        let pixels = (WIDTH * panel["gridPos"]["w"].as_u64().unwrap_or(24) / 24).max(200);
        let step = step_ms(self.window.ms(), pixels, min_step(target));
        let instant = target["instant"] == true && target["range"] != true;
        let query = Query::read(text(&target["expr"])).unwrap_or_default();
        self.check_label_values(&place, &query);
        let series = match self.query(target, step, instant) {
            Ok(series) => series,
            Err(QueryError(error)) => return self.problem(&place, error),
        };
        let values: Vec<f64> = series
            .iter()
            .flat_map(|one| &one.points)
            .map(|(_, value)| *value)
            .filter(|value| value.is_finite())
            .collect();
        let defaults = &panel["fieldConfig"]["defaults"];
        if values.is_empty() {
            if defaults["noValue"].is_null() {
                self.problem(&place, "no data");
            }
            self.report.empty.insert(text(&panel["title"]).to_owned());
            return;
        }
        let (least, most) = (
            values.iter().copied().fold(f64::MAX, f64::min),
            values.iter().copied().fold(f64::MIN, f64::max),
        );
        let unit = text(&defaults["unit"]);
        self.report.notes.push(format!("{place}: {} series, {least}..{most} {unit}", series.len()));
        if unit == "percentunit" && !(least >= 0.0 && most <= 1.0) {
            self.problem(&place, format!("a share must be in 0..1, not in {least}..{most}"));
        }
        if ["s", "ops", "bytes", "cps", "percent"].contains(&unit) && least < 0.0 {
            self.problem(&place, format!("negative: {least} {unit}"));
        }
        let mapped: BTreeSet<_> = list(&defaults["mappings"])
            .iter()
            .filter_map(|mapping| mapping["options"].as_object())
            .flat_map(|map| map.keys().cloned())
            .collect();
        for value in values.iter().map(f64::to_string).collect::<BTreeSet<_>>() {
            if !mapped.is_empty() && !mapped.contains(&value) {
                self.problem(&place, format!("value {value} has no mapping"));
            }
        }
        fields.results += 1;
        series.iter().for_each(|one| fields.add_series(&one.labels));
        // A table shows labels as columns, without a legend.
        if text(&target["format"]) == "table" {
            let several = list(&panel["targets"]).len() > 1;
            let value =
                if several { format!("Value #{}", text(&target["refId"])) } else { "Value".to_owned() };
            fields.values.insert(value);
        } else {
            fields.legends.extend(self.legend(&place, text(&target["legendFormat"]), &series, &query));
        }
    }

    /// A label value that no series has selects nothing. `or` and `noValue` would hide that.
    fn check_label_values(&mut self, place: &str, query: &Query) {
        for selector in &query.selectors {
            let is_fixed =
                |matcher: &&LabelMatcher| matcher.kind == MatchKind::Match && !matcher.value.contains('$');
            for LabelMatcher { label, value: pattern, .. } in selector.matchers.iter().filter(is_fixed) {
                let known = self.values(label, &selector.metric);
                let missing = pattern.split('|').find(|value| !known.is_empty() && !known.contains(*value));
                if let Some(value) = missing {
                    self.problem(place, format!("no {} has {label} {value:?}", selector.metric));
                }
            }
        }
    }

    fn values(&self, label: &str, metric: &str) -> BTreeSet<String> {
        let values = self.prometheus.label_values(label, metric, self.window.start, self.window.end);
        values.unwrap_or_default().into_iter().collect()
    }

    /// The legend names of the series, and of those that the query leaves out.
    fn legend(&mut self, place: &str, legend: &str, series: &[Series], query: &Query) -> BTreeSet<String> {
        for label in placeholders(legend) {
            if series.iter().any(|one| !one.labels.contains_key(label)) {
                self.problem(
                    place,
                    format!("the legend names label {label:?}, which a series does not have"),
                );
            }
        }
        let names: BTreeSet<_> = series.iter().map(|one| fill(legend, &one.labels)).collect();
        if names.len() < series.len() {
            self.problem(
                place,
                format!("{} series share {} legend names: {names:?}", series.len(), names.len()),
            );
        }
        let mut all = names;
        if let Some(label) = legend.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            all.extend(query.selectors.iter().flat_map(|selector| self.values(label, &selector.metric)));
        }
        all
    }

    fn annotation(&mut self, annotation: &Value) {
        let (name, target) = (text(&annotation["name"]).to_owned(), &annotation["target"]);
        let place = format!("annotation {name}");
        let step = step_ms(self.window.ms(), WIDTH, min_step(target));
        let series = match self.query(target, step, false) {
            Ok(series) => series,
            Err(QueryError(error)) => return self.problem(&place, error),
        };
        let (from, to) = (self.window.start * 1_000.0, self.window.end * 1_000.0);
        let mut shown = events(&series, step, annotation["useValueForTime"] == true);
        shown.retain(|event| event.end_ms as f64 >= from && event.start_ms as f64 <= to);
        if shown.is_empty() {
            self.problem(&place, "no event in the time range");
        }
        let titles = format!("{} {}", text(&annotation["titleFormat"]), text(&annotation["textFormat"]));
        for label in placeholders(&titles) {
            if shown.iter().any(|event| !event.labels.contains_key(label)) {
                self.problem(
                    &place,
                    format!("the title names label {label:?}, which an event does not have"),
                );
            }
        }
        self.report.notes.push(format!("{place}: {} events", shown.len()));
        self.report.events.insert(name, shown);
    }

    fn query(&self, target: &Value, step_ms: u64, instant: bool) -> Result<Vec<Series>, QueryError> {
        let promql = self.interpolated(text(&target["expr"]), step_ms)?;
        if instant {
            return self.prometheus.try_query(&promql, Some(self.window.end));
        }
        let step = step_ms as f64 / 1_000.0;
        let grid = |time: f64| (time / step).floor() * step;
        let (start, end) = (grid(self.window.start), grid(self.window.end));
        self.prometheus.try_query_range(&promql, start, end, std::time::Duration::from_millis(step_ms))
    }

    fn interpolated(&self, promql: &str, step_ms: u64) -> Result<String, QueryError> {
        let rate = rate_interval_ms(step_ms, SCRAPE_MS);
        let range = self.window.ms().round();
        let built_in = [
            ("__interval", format!("{step_ms}ms")),
            ("__interval_ms", step_ms.to_string()),
            ("__rate_interval", format!("{rate}ms")),
            ("__rate_interval_ms", rate.to_string()),
            ("__range", format!("{}s", (range / 1_000.0).round())),
            ("__range_s", (range / 1_000.0).round().to_string()),
            ("__range_ms", range.to_string()),
        ];
        let mut values = self.variables.clone();
        values.extend(built_in.map(|(name, value)| (name.to_owned(), value)));
        interpolate(promql, &values).map_err(|names| QueryError(format!("undefined variables {names:?}")))
    }
}

fn min_step(target: &Value) -> u64 {
    duration_ms(text(&target["interval"])).unwrap_or(SCRAPE_MS)
}
