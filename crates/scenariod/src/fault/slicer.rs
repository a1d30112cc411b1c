//! Slicer: data arrives in small pieces. Pure.

use std::num::NonZeroU32;
use std::time::Duration;

use daemon_core::values::{Span, format_duration};
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::LONGEST;
use super::kind::{ConnectionEffect, FaultKind, KeyError};
use super::toxic::ToxicKind;

/// every chunk arrives in pieces of `size` bytes,
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Slicer {
    size: NonZeroU32,
    /// plus or minus up to `variation`,
    #[serde(default)]
    #[schemars(extend("x-to" = "below `size`"))]
    variation: u32,
    /// `delay` apart
    #[serde(default)]
    #[schemars(extend("x-from" = "0s", "x-to" = "1h", "default" = "0s"))]
    delay: Span,
}

impl Slicer {
    /// Toxiproxy counts it in microseconds.
    fn delay(&self) -> Duration {
        self.delay.get()
    }
}

impl FaultKind for Slicer {
    fn label(&self) -> FaultType {
        FaultType::Slicer
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Slicer {
            average_size: i64::from(self.size.get()),
            size_variation: i64::from(self.variation),
            delay: i64::try_from(self.delay().as_micros()).unwrap_or(i64::MAX),
        }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("slice_bytes", f64::from(self.size.get())),
            ("slice_variation_bytes", f64::from(self.variation)),
            ("slice_delay_us", self.delay().as_secs_f64() * 1e6),
        ]
    }

    fn describe(&self) -> String {
        // The other durations in words have no microseconds.
        let delay = format_duration(self.delay());
        format!("slices of {} ± {} bytes, {delay} apart", self.size, self.variation)
    }

    fn check(&self) -> Result<(), KeyError> {
        if self.delay() > LONGEST {
            return Err(KeyError { key: "delay", message: "`delay` must be at most 1h".to_owned() });
        }
        // A piece has at least one byte.
        if self.variation >= self.size.get() {
            let message = "`variation` must be below `size`".to_owned();
            return Err(KeyError { key: "variation", message });
        }
        Ok(())
    }
}
