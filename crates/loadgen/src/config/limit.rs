//! A number that must not be larger than another number, and the message when it is.

use daemon_core::lab::Lab;

use super::error::ConfigError;

/// A number of the `loadgen` section with an upper limit. Both may come from a flag or a file.
pub(super) struct Limit {
    /// The flag, if the number came from one.
    pub(super) flag: Option<&'static str>,
    pub(super) key: &'static str,
    pub(super) value: u64,
    pub(super) limit: u64,
    pub(super) what: &'static str,
}

impl Limit {
    pub(super) fn check(&self, lab: &Lab) -> Result<(), ConfigError> {
        let Self { flag, key, value, limit, what } = *self;
        if value <= limit {
            return Ok(());
        }
        if let Some(flag) = flag {
            return Err(ConfigError::Flag { flag, value, limit, what });
        }
        let message = format!("`{key}` is {value}, but there are only {limit} {what}");
        Err(lab.document().problem(&format!("loadgen/{key}"), message).into())
    }
}
