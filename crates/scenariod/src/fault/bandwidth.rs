//! Bandwidth: bytes arrive at a bounded rate. Pure.

use std::num::NonZeroU32;

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;

/// each connection carries at most `rate` kB/s
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Bandwidth {
    // 0 would be a stall.
    rate: NonZeroU32,
}

impl FaultKind for Bandwidth {
    fn label(&self) -> FaultType {
        FaultType::Bandwidth
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Bandwidth { rate: i64::from(self.rate.get()) }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("rate_kilobytes_per_second", f64::from(self.rate.get()))]
    }

    fn describe(&self) -> String {
        format!("bandwidth {} kB/s", self.rate)
    }

    fn at(&self, level: Fraction) -> Option<Bandwidth> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a level is at most 1, and casts of floats saturate"
        )]
        let rate = (f64::from(self.rate.get()) * level.get()).round() as u32;
        Some(Bandwidth { rate: NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN) })
    }
}
