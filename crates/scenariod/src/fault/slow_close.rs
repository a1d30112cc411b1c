//! Slow close: the end of a connection comes late. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::Delay;
use super::kind::{ConnectionEffect, FaultKind, KeyError};
use super::toxic::ToxicKind;
use crate::text::format_duration;

/// the end of each connection arrives `delay` late
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct SlowClose {
    delay: Delay,
}

impl FaultKind for SlowClose {
    fn label(&self) -> FaultType {
        FaultType::SlowClose
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::SlowClose { delay: self.delay.millis() }]
    }

    /// It affects only connections that end.
    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::End
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("close_delay_ms", self.delay.exact_millis())]
    }

    fn describe(&self) -> String {
        format!("slow close by {}", format_duration(self.delay.get()))
    }

    fn check(&self) -> Result<(), KeyError> {
        self.delay.check("delay")
    }
}
