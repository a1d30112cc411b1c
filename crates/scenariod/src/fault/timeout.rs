//! Timeout: bytes are dropped, and connections close after a while. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::effect::{Effect, millis};
use crate::fault::toxic::ToxicKind;
use crate::text::format_duration;

/// Drops all bytes and closes each connection after `after`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Timeout {
    pub(crate) after: Duration,
}

impl Effect for Timeout {
    fn label(&self) -> FaultType {
        FaultType::Timeout
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["timeout_ms"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Timeout { timeout: millis(self.after) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("timeout_ms", self.after.as_secs_f64() * 1e3)]
    }

    fn describe(&self) -> String {
        format!("close after {} of silence", format_duration(self.after))
    }
}
