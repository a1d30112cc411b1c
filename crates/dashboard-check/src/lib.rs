//! Checks Grafana dashboards (classic JSON) without a Grafana: house rules on the file, and every query of it
//! against a live Prometheus, asked the way Grafana asks.

#![allow(clippy::expect_used, clippy::panic, reason = "a test helper fails by panicking")]

mod fields;
mod grafana;
mod live;
mod query;
mod sense;
mod structure;

use std::path::Path;

use serde_json::Value;

pub use grafana::Event;
pub use live::{Report, Window};
pub use query::{Lookback, Query, Selector};
pub use sense::column;

/// A dashboard file.
#[derive(Debug, Clone)]
pub struct Dashboard(Value);

impl Dashboard {
    /// Reads a file of the repository, e.g. `grafana/dashboards/client-performance.json`.
    ///
    /// # Panics
    /// When there is none or it is no JSON.
    #[track_caller]
    pub fn load(path: impl AsRef<Path>) -> Self {
        let path = testkit::workspace().join(path);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    /// One with a text replaced everywhere, to see that a fault in it is found.
    ///
    /// # Panics
    /// When the text is not there or what results is no JSON.
    #[track_caller]
    #[must_use]
    pub fn with(&self, text: &str, replacement: &str) -> Self {
        let json = self.0.to_string();
        assert!(json.contains(text), "the dashboard has no {text}");
        Self(serde_json::from_str(&json.replace(text, replacement)).expect("JSON after the replacement"))
    }

    /// The file as it would be written.
    #[must_use]
    pub fn json(&self) -> String {
        self.0.to_string()
    }

    /// Every query: of panels, annotations and variables.
    pub fn queries(&self) -> Vec<String> {
        let of_panels = panels(&self.0).into_iter().flat_map(|panel| list(&panel["targets"]));
        let of_annotations =
            list(&self.0["annotations"]["list"]).iter().map(|annotation| &annotation["target"]);
        let expressions = of_panels.chain(of_annotations).map(|target| text(&target["expr"]));
        let of_variables =
            list(&self.0["templating"]["list"]).iter().map(|variable| text(&variable["definition"]));
        expressions.chain(of_variables).map(str::to_owned).collect()
    }

    /// What breaks the house rules; empty when all is well.
    pub fn structure(&self) -> Vec<String> {
        let mut found = structure::problems(&self.0);
        found.extend(sense::problems(&self.0));
        found
    }

    /// Every panel that asks something.
    pub fn panels(&self) -> Vec<&Value> {
        panels(&self.0)
    }

    /// Every annotation.
    pub fn annotations(&self) -> &[Value] {
        list(&self.0["annotations"]["list"])
    }

    /// Asks what its annotations draw, and nothing else.
    pub fn regions(&self, prometheus: &testkit::Prometheus, window: Window) -> Report {
        live::regions(&self.0, prometheus, window)
    }

    /// Asks every variable, panel and annotation query.
    pub fn ask(&self, prometheus: &testkit::Prometheus, window: Window) -> Report {
        live::ask(&self.0, prometheus, window)
    }
}

/// Every panel, those inside collapsed rows too; rows themselves and texts ask nothing and are left out.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    for panel in list(&dashboard["panels"]) {
        all.push(panel);
        all.extend(list(&panel["panels"]));
    }
    all.retain(|panel| !matches!(text(&panel["type"]), "row" | "text"));
    all
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
