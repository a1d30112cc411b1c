//! Latency: every chunk waits. Pure.

use std::time::Duration;

use super::millis;
use crate::toxic::ToxicKind;

pub(super) const PARAMS: &[&str] = &["latency_ms", "jitter_ms"];

/// `delay` on every chunk, give or take up to `jitter`, uniformly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latency {
    pub(crate) delay: Duration,
    pub(crate) jitter: Duration,
}

impl Latency {
    pub(super) fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Latency { latency: millis(self.delay), jitter: millis(self.jitter) }]
    }

    pub(super) fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("latency_ms", self.delay.as_secs_f64() * 1e3), ("jitter_ms", self.jitter.as_secs_f64() * 1e3)]
    }

    pub(super) fn describe(&self) -> String {
        let delay = humantime::format_duration(self.delay);
        if self.jitter.is_zero() {
            format!("latency {delay}")
        } else {
            format!("latency {delay} ± {}", humantime::format_duration(self.jitter))
        }
    }
}
