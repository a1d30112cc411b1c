//! Blackhole: bytes are dropped, and connections close when the fault goes. Pure.

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;

/// Nothing arrives, and nothing says so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Blackhole;

impl Effect for Blackhole {
    fn label(&self) -> FaultType {
        FaultType::Blackhole
    }

    fn param_names(&self) -> &'static [&'static str] {
        &[]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Timeout { timeout: 0 }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    fn describe(&self) -> String {
        "blackhole".to_owned()
    }
}
