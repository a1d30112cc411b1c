//! The shape of a scenario file, for serde and for the check with lines. Nothing outside `catalogue` sees these types.

use std::num::{NonZeroU32, NonZeroUsize};

use daemon_core::values::{Positive, Span};
use schemars::JsonSchema;
use serde::Deserialize;

pub(super) mod expect;

/// One file: a family of scenarios.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Family {
    pub(super) family: String,
    pub(super) phases: Phases,
    /// What every scenario of the family is held to, unless it has an expectation of that name.
    #[serde(default)]
    pub(super) expect: Vec<expect::Expectation>,
    pub(super) scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Phases {
    pub(super) stabilization: Positive,
    pub(super) testing: Positive,
    pub(super) recovery: Positive,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Scenario {
    pub(super) name: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) about: String,
    #[serde(default)]
    pub(super) phases: OwnPhases,
    pub(super) faults: Vec<FaultEntry>,
    #[serde(default)]
    pub(super) expect: Vec<expect::Expectation>,
    #[serde(default)]
    pub(super) stop_when: Vec<expect::StopRule>,
}

/// What a scenario overrides of its family's phases.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct OwnPhases {
    pub(super) stabilization: Option<Positive>,
    pub(super) testing: Option<Positive>,
    pub(super) recovery: Option<Positive>,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct FaultEntry {
    pub(super) target: Target,
    #[serde(default)]
    pub(super) direction: Direction,
    #[schemars(range(min = 0.000001, max = 1.0))]
    pub(super) share: Option<f64>,
    pub(super) shape: Option<Shape>,
    #[serde(flatten)]
    pub(super) fault: Fault,
}

/// How a fault changes over testing: one of these.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Shape {
    pub(super) ramp: Option<Ramp>,
    pub(super) flap: Option<Flap>,
    pub(super) steps: Option<Vec<Stretch>>,
}

/// From one strength to another.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ramp {
    #[schemars(range(min = 0.000001, max = 1.0))]
    pub(super) from: f64,
    #[schemars(range(min = 0.000001, max = 1.0))]
    pub(super) to: f64,
    pub(super) steps: NonZeroU32,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Flap {
    pub(super) on: Positive,
    pub(super) off: Positive,
}

/// A strength for a while; 0 is off.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Stretch {
    #[serde(rename = "for")]
    pub(super) length: Positive,
    pub(super) level: f64,
}

/// `memcached1`, `all`, `[memcached1, memcached2]` or `{ count: 2 }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Target {
    One(String),
    Many(Vec<String>),
    Some(Count),
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Count {
    pub(super) count: NonZeroUsize,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Requests,
    #[default]
    Replies,
    Both,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub(super) enum Fault {
    Latency {
        delay: Positive,
        jitter: Option<Span>,
    },
    PacketLoss {
        #[schemars(range(min = 0.000001, max = 1.0))]
        rate: f64,
        #[serde(default)]
        model: LossModel,
    },
    Blackhole {},
    Stall {},
    Timeout {
        after: Positive,
    },
    Reset {
        after: Option<Span>,
    },
    /// `rate` in kB/s.
    Bandwidth {
        rate: NonZeroU32,
    },
    SlowClose {
        delay: Positive,
    },
    /// Sizes in bytes.
    Slicer {
        size: NonZeroU32,
        variation: Option<u32>,
        delay: Option<Span>,
    },
    LimitData {
        bytes: NonZeroU32,
    },
    Down {},
    StreamCorruption {
        #[schemars(range(min = 0.000001, max = 1.0))]
        rate: f64,
    },
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum LossModel {
    #[default]
    Auto,
    Simple,
}
