//! The YAML form of a scenario file, for serde and for the schema check. Used only in `catalogue`.

use std::num::{NonZeroU32, NonZeroUsize};

use daemon_core::values::{Fraction, Positive};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fault::{Direction, Fault, WrittenFraction};

pub(super) mod expect;

/// One file: a family of scenarios.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Family {
    pub(super) family: String,
    pub(super) phases: Phases,
    /// The expectations of every scenario of the family. A scenario replaces one by its name.
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

/// The lengths of phases that differ from the family's.
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
    #[schemars(with = "Option<WrittenFraction>")]
    pub(super) share: Option<Fraction>,
    pub(super) shape: Option<Shape>,
    #[serde(flatten)]
    pub(super) fault: Fault,
}

/// How a fault changes during testing. One of the keys is needed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Shape {
    pub(super) ramp: Option<Ramp>,
    pub(super) flap: Option<Flap>,
    pub(super) steps: Option<Vec<Stretch>>,
}

/// From one strength to another.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ramp {
    #[schemars(with = "WrittenFraction")]
    pub(super) from: Fraction,
    #[schemars(with = "WrittenFraction")]
    pub(super) to: Fraction,
    pub(super) steps: NonZeroU32,
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Flap {
    pub(super) on: Positive,
    pub(super) off: Positive,
}

/// A strength for a length of time. 0 is off.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Stretch {
    #[serde(rename = "for")]
    pub(super) length: Positive,
    pub(super) level: f64,
}

/// `memcached1`, `all`, `[memcached1, memcached2]`, `{ first: 2 }`, `{ nth: 2 }` or `{ count: 2 }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Target {
    One(String),
    Many(Vec<String>),
    Some(Choice),
}

/// One of the keys is needed.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Choice {
    pub(super) first: Option<NonZeroUsize>,
    pub(super) nth: Option<NonZeroUsize>,
    pub(super) count: Option<NonZeroUsize>,
}
