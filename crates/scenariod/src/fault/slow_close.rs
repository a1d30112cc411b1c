//! Slow close: the end of a connection comes late. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::effect::{Effect, millis};
use crate::fault::toxic::ToxicKind;
use crate::text::format_duration;

/// Holds the end of each connection back for `delay`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SlowClose {
    pub(crate) delay: Duration,
}

impl Effect for SlowClose {
    fn label(&self) -> FaultType {
        FaultType::SlowClose
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["close_delay_ms"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::SlowClose { delay: millis(self.delay) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("close_delay_ms", self.delay.as_secs_f64() * 1e3)]
    }

    fn describe(&self) -> String {
        format!("slow close by {}", format_duration(self.delay))
    }
}
