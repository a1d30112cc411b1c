//! The series that Prometheus returns, and the times at which a query is evaluated. No calls and no judgement here.

use std::collections::BTreeMap;

/// The times at which a query is evaluated: every `step` seconds, counted back from `last`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) step: f64,
}

/// One series: its labels, and its points as (time, value).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    /// The value of a label; empty if the series does not have it.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The values of its labels, without the metric name and the labels of the scrape.
    pub(crate) fn short_name(&self) -> String {
        let is_own = |name: &str| !matches!(name, "__name__" | "instance" | "job");
        let values = self.labels.iter().filter(|(name, _)| is_own(name)).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(" ")
    }

    /// The short name and the scrape target.
    pub(crate) fn name_with_target(&self) -> String {
        let target = format!("{} {}", self.label("instance"), self.label("job"));
        format!("{} ({})", self.short_name(), target.trim()).trim_start().to_owned()
    }

    /// All labels with their names.
    pub(crate) fn full_name(&self) -> String {
        let labels = self.labels.iter().map(|(name, value)| format!("{name}={value:?}"));
        labels.collect::<Vec<_>>().join(" ")
    }
}
