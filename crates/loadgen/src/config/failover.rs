//! The words for failover, the same in flags and files.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::stack::context::Failover;

/// The word for a [`Failover`].
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum FailoverSetting {
    /// Fail fast
    None,
    /// The next node in the key's own order
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
