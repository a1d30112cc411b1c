//! The result of a query, as plain data.

use std::collections::BTreeMap;

use serde_json::Value as Json;

/// Why Prometheus refused a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError(pub String);

/// One series of a result. After an instant query it has one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, with `__name__` if it has one.
    pub labels: BTreeMap<String, String>,
    /// Time in Unix seconds, value.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// The newest value.
    pub fn value(&self) -> f64 {
        self.points.last().map_or(f64::NAN, |(_, value)| *value)
    }
}

/// The series of a result, a scalar as a series without labels.
pub(super) fn series(data: &Json) -> Vec<Series> {
    let point = |pair: &Json| Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?));
    if data["resultType"] == "scalar" {
        return vec![Series {
            labels: BTreeMap::new(),
            points: point(&data["result"]).into_iter().collect(),
        }];
    }
    let one = |result: &Json| {
        let labels = result["metric"].as_object().into_iter().flatten();
        let labels =
            labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        let points = match result["values"].as_array() {
            Some(values) => values.iter().filter_map(point).collect(),
            None => point(&result["value"]).into_iter().collect(),
        };
        Series { labels, points }
    };
    data["result"].as_array().into_iter().flatten().map(one).collect()
}
