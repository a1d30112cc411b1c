//! How Prometheus spells its answers. Values come as text, times as numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::series::Series;

pub(super) enum Answer {
    Series(Vec<Series>),
    Error(String),
}

/// Why there is none in what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// It ends in the middle.
    Cut,
    /// It is something else.
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Body {
    Success { data: Data },
    Error { error: String },
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Vec<One>),
    Matrix(Vec<Many>),
    Scalar(Sample),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct One {
    metric: BTreeMap<String, String>,
    value: Sample,
}

#[derive(Deserialize)]
struct Many {
    metric: BTreeMap<String, String>,
    values: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample(f64, String);

impl Sample {
    fn read(&self) -> (f64, f64) {
        // `NaN`, `+Inf` and `-Inf` are read as they are meant.
        (self.0, self.1.parse().unwrap_or(f64::NAN))
    }
}

impl Answer {
    pub(super) fn read(bytes: &[u8]) -> Result<Answer, NoAnswer> {
        let read = |error: serde_json::Error| match error.is_eof() && !bytes.is_empty() {
            true => NoAnswer::Cut,
            false => NoAnswer::Other,
        };
        let body = serde_json::from_slice(bytes).map_err(read)?;
        Ok(match body {
            Body::Error { error } => Answer::Error(error),
            Body::Success { data: Data::Scalar(sample) } => {
                Answer::Series(vec![Series { points: vec![sample.read()], ..Series::default() }])
            }
            Body::Success { data: Data::Vector(series) } => {
                let one = |one: One| Series { labels: one.metric, points: vec![one.value.read()] };
                Answer::Series(series.into_iter().map(one).collect())
            }
            Body::Success { data: Data::Matrix(series) } => {
                let many = |many: Many| Series {
                    labels: many.metric,
                    points: many.values.iter().map(Sample::read).collect(),
                };
                Answer::Series(series.into_iter().map(many).collect())
            }
            Body::Success { data: Data::String(_) } => return Err(NoAnswer::Other),
        })
    }
}
