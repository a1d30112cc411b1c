//! Timeout: bytes are dropped, and connections close after a while. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::Delay;
use super::kind::{ConnectionEffect, FaultKind, KeyError};
use super::toxic::ToxicKind;
use crate::text::format_duration;

/// nothing arrives, and each connection closes after `after`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Timeout {
    after: Delay,
}

impl FaultKind for Timeout {
    fn label(&self) -> FaultType {
        FaultType::Timeout
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Timeout { timeout: self.after.millis() }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::End
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("timeout_ms", self.after.exact_millis())]
    }

    fn describe(&self) -> String {
        format!("close after {} of silence", format_duration(self.after.get()))
    }

    fn check(&self) -> Result<(), KeyError> {
        self.after.check("after")
    }
}
