//! Latency: every chunk waits. Pure.

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{Delay, OptionalDelay};
use super::kind::{ConnectionEffect, FaultKind, KeyError};
use super::toxic::ToxicKind;
use crate::text::format_duration;

/// every chunk of bytes waits `delay`, plus or minus up to `jitter`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct Latency {
    delay: Delay,
    #[serde(default)]
    #[schemars(with = "OptionalDelay")]
    jitter: Delay,
}

impl FaultKind for Latency {
    fn label(&self) -> FaultType {
        FaultType::Latency
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Latency { latency: self.delay.millis(), jitter: self.jitter.millis() }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("latency_ms", self.delay.exact_millis()), ("jitter_ms", self.jitter.exact_millis())]
    }

    fn describe(&self) -> String {
        let (delay, jitter) = (format_duration(self.delay.get()), self.jitter.get());
        if jitter.is_zero() {
            format!("latency {delay}")
        } else {
            format!("latency {delay} ± {}", format_duration(jitter))
        }
    }

    fn check(&self) -> Result<(), KeyError> {
        self.delay.check("delay")?;
        self.jitter.check("jitter")
    }

    fn at(&self, level: Fraction) -> Option<Latency> {
        Some(Latency { delay: self.delay.at(level), jitter: self.jitter.at(level) })
    }
}
