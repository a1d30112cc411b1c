//! Blackhole: bytes are dropped, and connections close when the fault is removed. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;

/// nothing arrives; connections close when the fault is removed
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Blackhole {}

impl FaultKind for Blackhole {
    fn label(&self) -> FaultType {
        FaultType::Blackhole
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Timeout { timeout: 0 }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }
}
