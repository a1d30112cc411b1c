//! When the phases of a run began, for whoever reads metrics over them. Set by the stage, in wall-clock time, because
//! that is what Prometheus stamps its samples with.

use std::time::SystemTime;

use metrics_core::labels::Phase;

use crate::clock::epoch_seconds;
use crate::scenario::{UNDER_WAY, Window, Windows};

/// The phases entered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PhaseTimes {
    stabilization: Option<f64>,
    testing: Option<f64>,
    healing: Option<f64>,
    recovery: Option<f64>,
}

impl PhaseTimes {
    pub(crate) fn enter(&mut self, phase: Phase, at: SystemTime) {
        let at = Some(epoch_seconds(at));
        match phase {
            Phase::Idle => {}
            Phase::Stabilization => self.stabilization = at,
            Phase::Testing => self.testing = at,
            Phase::Recovery => self.recovery = at,
        }
    }

    /// The faults begin to come off; what follows a first time is cleaning up.
    pub(crate) fn heal(&mut self, at: SystemTime) {
        if self.is_testing() {
            self.healing = Some(epoch_seconds(at));
        }
    }

    /// The faults are on or about to be, and nobody takes them off yet.
    pub(crate) fn is_testing(&self) -> bool {
        self.testing.is_some() && self.healing.is_none() && self.recovery.is_none()
    }

    /// The phases of a run that ended at this time. One that it did not come to is empty, at its end.
    pub(crate) fn windows(&self, end: SystemTime) -> Option<Windows> {
        let end = epoch_seconds(end);
        let (testing, recovery) = (self.testing.unwrap_or(end), self.recovery.unwrap_or(end));
        let healing = self.healing.unwrap_or(recovery);
        Some(Windows {
            stabilization: Window { start: self.stabilization?, end: testing },
            testing: Window { start: testing, end: recovery },
            on_until: (healing - UNDER_WAY).max(testing),
            recovery: Window { start: recovery, end },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn what_the_removal_does_to_the_client_is_not_taken_for_testing() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut moments = PhaseTimes::default();
        moments.enter(Phase::Stabilization, at(100));
        moments.heal(at(105));
        moments.enter(Phase::Testing, at(110));
        let cut_short = moments.windows(at(115)).unwrap();
        assert_eq!(cut_short.on_until, 115.0 - UNDER_WAY);
        assert!(moments.is_testing());
        moments.heal(at(120));
        assert!(!moments.is_testing());
        moments.heal(at(123));
        moments.enter(Phase::Recovery, at(125));
        moments.heal(at(126));
        let windows = moments.windows(at(135)).unwrap();
        assert_eq!(windows.testing, Window { start: 110.0, end: 125.0 });
        assert_eq!(windows.on_until, 120.0 - UNDER_WAY);
    }
}
