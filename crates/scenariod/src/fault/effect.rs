//! What every kind of fault says about itself. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::toxic::ToxicKind;

/// What every fault says of itself.
pub(super) trait Effect {
    fn label(&self) -> FaultType;
    fn param_names(&self) -> &'static [&'static str];
    fn params(&self) -> Vec<(&'static str, f64)>;
    /// On one stream, in the order in which they are put on.
    fn toxics(&self) -> Vec<ToxicKind>;
    fn describe(&self) -> String;
}

/// Toxiproxy counts in whole milliseconds.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
