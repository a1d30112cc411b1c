//! When the phases of a run began, for whoever reads metrics over them. Set by the stage, in wall-clock time, because
//! that is what Prometheus stamps its samples with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics_core::labels::Phase;

use crate::judge::evidence::{Window, Windows};

/// The phases entered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    stabilization: Option<f64>,
    testing: Option<f64>,
    recovery: Option<f64>,
}

impl Moments {
    pub(crate) fn enter(&mut self, phase: Phase, at: SystemTime) {
        let at = Some(epoch_seconds(at));
        match phase {
            Phase::Idle => {}
            Phase::Stabilization => self.stabilization = at,
            Phase::Testing => self.testing = at,
            Phase::Recovery => self.recovery = at,
        }
    }

    /// The faults are on or about to be, and recovery has not begun.
    pub(crate) fn is_testing(&self) -> bool {
        self.testing.is_some() && self.recovery.is_none()
    }

    /// The phases of a run that ended at this time. One that it did not come to is empty, at its end.
    pub(crate) fn windows(&self, end: SystemTime) -> Option<Windows> {
        let end = epoch_seconds(end);
        let (testing, recovery) = (self.testing.unwrap_or(end), self.recovery.unwrap_or(end));
        Some(Windows {
            stabilization: Window { start: self.stabilization?, end: testing },
            testing: Window { start: testing, end: recovery },
            recovery: Window { start: recovery, end },
        })
    }
}

pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
