//! Reset: connections end with a TCP reset. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{Delay, OptionalDelay};
use super::kind::{ConnectionEffect, FaultKind, KeyError};
use super::toxic::ToxicKind;
use crate::text::format_duration;

/// each connection is reset after `after`; 0s resets it at once
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Reset {
    #[serde(default)]
    #[schemars(with = "OptionalDelay")]
    after: Delay,
}

impl FaultKind for Reset {
    fn label(&self) -> FaultType {
        FaultType::Reset
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::ResetPeer { timeout: self.after.millis() }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::End
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("reset_ms", self.after.exact_millis())]
    }

    fn describe(&self) -> String {
        match self.after.get() {
            after if after.is_zero() => "reset".to_owned(),
            after => format!("reset after {}", format_duration(after)),
        }
    }

    fn check(&self) -> Result<(), KeyError> {
        self.after.check("after")
    }
}
