//! Latency: every chunk waits. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::Level;
use super::effect::{Effect, millis};
use crate::fault::toxic::ToxicKind;
use crate::text::format_duration;

/// `delay` on every chunk, give or take up to `jitter`, uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
}

impl Latency {
    pub(super) fn at(self, level: Level) -> Latency {
        Latency { delay: level.of(self.delay), jitter: level.of(self.jitter) }
    }
}

impl Effect for Latency {
    fn label(&self) -> FaultType {
        FaultType::Latency
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["latency_ms", "jitter_ms"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Latency { latency: millis(self.delay), jitter: millis(self.jitter) }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("latency_ms", self.delay.as_secs_f64() * 1e3), ("jitter_ms", self.jitter.as_secs_f64() * 1e3)]
    }

    fn describe(&self) -> String {
        let delay = format_duration(self.delay);
        if self.jitter.is_zero() {
            format!("latency {delay}")
        } else {
            format!("latency {delay} ± {}", format_duration(self.jitter))
        }
    }
}
