//! The JSON of Prometheus' HTTP API. Values are strings, times are numbers. No calls here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::series::Series;

/// A response of the API.
pub(super) enum ApiResponse {
    Series(Vec<Series>),
    Error(String),
}

/// Why a body is not a response of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// The JSON is cut off.
    Incomplete,
    /// The body is something else.
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
    Vector(Vec<VectorSeries>),
    Matrix(Vec<MatrixSeries>),
    Scalar(Sample),
    String(IgnoredAny),
}

#[derive(Deserialize)]
struct VectorSeries {
    metric: BTreeMap<String, String>,
    value: Sample,
}

#[derive(Deserialize)]
struct MatrixSeries {
    metric: BTreeMap<String, String>,
    values: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample(f64, String);

impl Sample {
    fn point(&self) -> (f64, f64) {
        // Rust parses `NaN`, `+Inf` and `-Inf` as Prometheus means them.
        (self.0, self.1.parse().unwrap_or(f64::NAN))
    }
}

impl ApiResponse {
    pub(super) fn decode(bytes: &[u8]) -> Result<ApiResponse, DecodeError> {
        let decode_error = |error: serde_json::Error| match error.is_eof() && !bytes.is_empty() {
            true => DecodeError::Incomplete,
            false => DecodeError::Other,
        };
        let body = serde_json::from_slice(bytes).map_err(decode_error)?;
        Ok(match body {
            Body::Error { error } => ApiResponse::Error(error),
            Body::Success { data: Data::Scalar(sample) } => {
                ApiResponse::Series(vec![Series { points: vec![sample.point()], ..Series::default() }])
            }
            Body::Success { data: Data::Vector(series) } => {
                let one = |one: VectorSeries| Series { labels: one.metric, points: vec![one.value.point()] };
                ApiResponse::Series(series.into_iter().map(one).collect())
            }
            Body::Success { data: Data::Matrix(series) } => {
                let many = |many: MatrixSeries| Series {
                    labels: many.metric,
                    points: many.values.iter().map(Sample::point).collect(),
                };
                ApiResponse::Series(series.into_iter().map(many).collect())
            }
            Body::Success { data: Data::String(_) } => return Err(DecodeError::Other),
        })
    }
}
