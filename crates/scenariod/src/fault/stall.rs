//! Stall: bytes are held, and all of them are delivered when the fault is removed. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;

/// nothing arrives until the fault is removed, then all of it, even what nobody waits for any more
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Stall {}

impl FaultKind for Stall {
    fn label(&self) -> FaultType {
        FaultType::Stall
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Bandwidth { rate: 0 }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }
}
