//! Bandwidth: bytes come through at a bounded rate. Pure.

use metrics_core::labels::FaultType;

use super::Level;
use super::effect::Effect;
use crate::fault::toxic::ToxicKind;

/// At most so many kB in a second, for each connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bandwidth {
    /// In kB/s, above 0: 0 would be a stall.
    pub(crate) rate: u32,
}

impl Bandwidth {
    pub(super) fn at(self, level: Level) -> Bandwidth {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a level is at most 1, and casts of floats saturate"
        )]
        let rate = (f64::from(self.rate) * level.get()).round() as u32;
        Bandwidth { rate: rate.max(1) }
    }
}

impl Effect for Bandwidth {
    fn label(&self) -> FaultType {
        FaultType::Bandwidth
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["rate_kilobytes_per_second"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Bandwidth { rate: i64::from(self.rate) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("rate_kilobytes_per_second", f64::from(self.rate))]
    }

    fn describe(&self) -> String {
        format!("bandwidth {} kB/s", self.rate)
    }
}
