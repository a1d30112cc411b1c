//! Checks Grafana dashboards (classic JSON) without a Grafana: house rules for the file, and every query of it against a
//! running Prometheus, sent as Grafana sends it. Dev only.

#![allow(clippy::expect_used, clippy::panic, reason = "a test helper fails by panicking")]

mod consistency;
mod evaluate;
mod fields;
mod grafana;
mod json;
mod query;
mod structure;

use std::path::Path;

use serde_json::Value;

use json::{list, panels, text};

pub use consistency::column;
pub use evaluate::{Report, Window};
pub use grafana::Event;
pub use query::{LabelMatcher, Lookback, MatchKind, Measure, Query, Selector};

/// A dashboard file.
#[derive(Debug, Clone)]
pub struct Dashboard(Value);

impl Dashboard {
    /// Reads a file of the repository, e.g. `grafana/dashboards/client-performance.json`.
    ///
    /// # Panics
    /// When the file is missing or is not JSON.
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = testkit::workspace().join(path);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// The dashboard with each occurrence of a text replaced, to test that a fault is found.
    ///
    /// # Panics
    /// When the text does not occur or the result is not JSON.
    #[track_caller]
    #[must_use]
    pub fn with(&self, text: &str, replacement: &str) -> Self {
        let json = self.0.to_string();
        assert!(json.contains(text), "the dashboard does not contain {text}");
        Self(serde_json::from_str(&json.replace(text, replacement)).expect("JSON after the replacement"))
    }

    /// The dashboard as JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// Every query of panels, annotations and variables.
    pub fn queries(&self) -> Vec<String> {
        let of_panels = panels(&self.0).into_iter().flat_map(|panel| list(&panel["targets"]));
        let of_annotations =
            list(&self.0["annotations"]["list"]).iter().map(|annotation| &annotation["target"]);
        let expressions = of_panels.chain(of_annotations).map(|target| text(&target["expr"]));
        let of_variables =
            list(&self.0["templating"]["list"]).iter().map(|variable| text(&variable["definition"]));
        expressions.chain(of_variables).map(str::to_owned).collect()
    }

    /// The breaches of the house rules. Empty for a good file.
    pub fn file_problems(&self) -> Vec<String> {
        let mut found = structure::problems(&self.0);
        found.extend(consistency::problems(&self.0));
        found
    }

    /// Every panel with queries.
    pub fn panels(&self) -> Vec<&Value> {
        panels(&self.0)
    }

    /// Every annotation.
    pub fn annotations(&self) -> &[Value] {
        list(&self.0["annotations"]["list"])
    }

    /// Sends only the queries of annotations.
    pub fn evaluate_annotations(&self, prometheus: &testkit::Prometheus, window: Window) -> Report {
        evaluate::evaluate_annotations(&self.0, prometheus, window)
    }

    /// Sends the queries of variables, panels and annotations.
    pub fn evaluate(&self, prometheus: &testkit::Prometheus, window: Window) -> Report {
        evaluate::evaluate(&self.0, prometheus, window)
    }
}
