//! Reset: connections end with a TCP reset. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::effect::{Effect, millis};
use crate::fault::toxic::ToxicKind;
use crate::text::format_duration;

/// Resets each connection after `after`; at once with zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reset {
    pub(crate) after: Duration,
}

impl Effect for Reset {
    fn label(&self) -> FaultType {
        FaultType::Reset
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["reset_ms"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::ResetPeer { timeout: millis(self.after) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("reset_ms", self.after.as_secs_f64() * 1e3)]
    }

    fn describe(&self) -> String {
        if self.after.is_zero() {
            "reset".to_owned()
        } else {
            format!("reset after {}", format_duration(self.after))
        }
    }
}
