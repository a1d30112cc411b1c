//! Answers of Prometheus as data, and the times at which a query is evaluated. Nothing is asked or judged here.

use std::collections::BTreeMap;

/// The times at which a query is evaluated: `step` seconds apart, counted back from the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) first: f64,
    pub(crate) last: f64,
    pub(crate) step: f64,
}

/// One series of an answer: its labels, and values with their times.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Series {
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// By the values that tell it from its neighbours, which its scrape does not.
    pub(crate) fn terse(&self) -> String {
        let telling = |name: &str| !matches!(name, "__name__" | "instance" | "job");
        let values = self.labels.iter().filter(|(name, _)| telling(name)).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn scraped(&self) -> String {
        let place = format!("{} {}", self.label("instance"), self.label("job"));
        format!("{} ({})", self.terse(), place.trim()).trim_start().to_owned()
    }

    pub(crate) fn whole(&self) -> String {
        let labels = self.labels.iter().map(|(name, value)| format!("{name}={value:?}"));
        labels.collect::<Vec<_>>().join(" ")
    }
}
