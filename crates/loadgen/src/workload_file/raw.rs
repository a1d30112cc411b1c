//! The structure of a workload file, for serde and for the schema. These types are used only in `workload_file`. Limits of a
//! single value are declared here, so that messages about them have its line.

use daemon_core::values::Positive;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Workload {
    pub(super) name: String,
    pub(super) weights: Weights,
    /// The number of keys. Ten digits allow no more than the maximum.
    #[schemars(range(min = 1, max = 10_000_000_000u64))]
    pub(super) keys: Option<u64>,
    /// The number of hot keys, which get 30% of the requests.
    pub(super) hot_keys: Option<u64>,
    /// The exponent of a Zipf distribution, instead of hot keys.
    #[schemars(range(min = 0.01, max = 10))]
    pub(super) zipf: Option<f64>,
    pub(super) value_size: Option<Sizes>,
    pub(super) ttl: Option<Ttls>,
    pub(super) load: Option<Load>,
    /// The number of keys stored before the load starts; all by default.
    pub(super) warm_up: Option<u64>,
}

/// In percent of all operations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
pub(super) struct Weights {
    #[schemars(range(max = 100))]
    pub(super) get: u32,
    #[schemars(range(max = 100))]
    pub(super) set: u32,
    #[schemars(range(max = 100))]
    pub(super) delete: u32,
    #[schemars(range(max = 100))]
    pub(super) increment: u32,
}

/// `100`, `{ min: 64, max: 4096 }` or `[{ size: 100, weight: 9 }, { size: 4096, weight: 1 }]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Sizes {
    Fixed(Size),
    Range(SizeRange),
    Weighted(Vec<WeightedSize>),
}

/// Bytes. The minimum is the header that makes a value verifiable, the maximum is memcached's item limit.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Size(#[schemars(range(min = 32, max = 1_000_000))] u32);

impl Size {
    pub(super) fn bytes(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SizeRange {
    pub(super) min: Size,
    pub(super) max: Size,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightedSize {
    pub(super) size: Size,
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) weight: u32,
}

/// `60s` or `{ min: 30s, max: 5m }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Ttls {
    Fixed(Positive),
    Range(TtlRange),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TtlRange {
    pub(super) min: Positive,
    pub(super) max: Positive,
}

/// `{ rate: 3000 }` or `{ from: 100, to: 5000, over: 2m }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Load {
    Constant(Constant),
    Ramp(Ramp),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Constant {
    pub(super) rate: PerSecond,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ramp {
    pub(super) from: PerSecond,
    pub(super) to: PerSecond,
    pub(super) over: Positive,
}

/// Operations per second.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct PerSecond(#[schemars(range(min = 1, max = 200_000))] pub(super) u32);
