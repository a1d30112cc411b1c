//! Down: nobody listens. The proxy is disabled below a marker toxic. Pure.

use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;

/// connections close and new ones are refused
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Down {}

impl FaultKind for Down {
    fn label(&self) -> FaultType {
        FaultType::Down
    }

    /// The marker is added first and removed last. Its name says which run disabled the proxy.
    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Marker]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::Refused
    }
}
