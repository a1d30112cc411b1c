//! Limit of data: connections close after a number of bytes. Pure.

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;

/// Closes each connection once so many bytes came through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LimitData {
    pub(crate) bytes: u32,
}

impl Effect for LimitData {
    fn label(&self) -> FaultType {
        FaultType::LimitData
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["limit_bytes"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::LimitData { bytes: i64::from(self.bytes) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("limit_bytes", f64::from(self.bytes))]
    }

    fn describe(&self) -> String {
        format!("close after {} bytes", self.bytes)
    }
}
