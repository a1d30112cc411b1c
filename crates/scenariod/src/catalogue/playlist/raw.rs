//! The YAML form of a playlist file, for serde and for the schema check. Used only in `playlist`.

use std::num::NonZeroU32;

use daemon_core::values::{Positive, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// One file: one playlist.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Playlist {
    pub(super) playlist: String,
    pub(super) about: String,
    pub(super) pause: Option<Span>,
    pub(super) time_scale: Option<f64>,
    #[serde(default)]
    pub(super) phases: Phases,
    pub(super) entries: Vec<Entry>,
}

/// A name, or a name with changes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Entry {
    Name(String),
    Full(Box<Full>),
}

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Full {
    pub(super) scenario: String,
    pub(super) repeat: Option<NonZeroU32>,
    pub(super) pause: Option<Span>,
    pub(super) time_scale: Option<f64>,
    pub(super) seed: Option<u64>,
    #[serde(default)]
    pub(super) phases: Phases,
    pub(super) rate: Option<f64>,
}

/// The lengths of phases that differ from the scenario's.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Phases {
    pub(super) stabilization: Option<Positive>,
    pub(super) testing: Option<Positive>,
    pub(super) recovery: Option<Positive>,
}
