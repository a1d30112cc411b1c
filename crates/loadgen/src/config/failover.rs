//! The words for failover. Flags and files use the same ones.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stack::context::Failover;

/// A [`Failover`] as a word.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailoverSetting {
    /// No other node: the operation fails at once
    None,
    /// The next node in the order of the key
    Next,
}

impl From<FailoverSetting> for Failover {
    fn from(setting: FailoverSetting) -> Self {
        match setting {
            FailoverSetting::None => Self::None,
            FailoverSetting::Next => Self::Next,
        }
    }
}
