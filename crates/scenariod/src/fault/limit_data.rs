//! Limit of data: connections close after a number of bytes. Pure.

use std::num::NonZeroU32;

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;

/// each connection closes after `bytes` bytes
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct LimitData {
    bytes: NonZeroU32,
}

impl FaultKind for LimitData {
    fn label(&self) -> FaultType {
        FaultType::LimitData
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::LimitData { bytes: i64::from(self.bytes.get()) }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::End
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("limit_bytes", f64::from(self.bytes.get()))]
    }

    fn describe(&self) -> String {
        format!("close after {} bytes", self.bytes)
    }
}
