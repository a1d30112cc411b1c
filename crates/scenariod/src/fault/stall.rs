//! Stall: bytes are held and all delivered when the fault goes. Pure.

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;

/// Nothing arrives until the fault is off; then everything does, whoever still waits for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stall;

impl Effect for Stall {
    fn label(&self) -> FaultType {
        FaultType::Stall
    }

    fn param_names(&self) -> &'static [&'static str] {
        &[]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Bandwidth { rate: 0 }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    fn describe(&self) -> String {
        "stall".to_owned()
    }
}
