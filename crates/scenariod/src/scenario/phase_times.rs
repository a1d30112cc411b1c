//! The times at which the phases of a run began. The rig sets them, and the verdict reads metrics over them. They are in
//! wall-clock time, because Prometheus stamps its samples with it.

use std::time::SystemTime;

use metrics_core::labels::Phase;

use crate::clock::epoch_seconds;
use crate::scenario::{UNDER_WAY, Window, Windows};

/// The start of each phase that the run has entered, in seconds since the epoch.
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

    /// The removal of the faults begins. Only the first call counts: later ones remove leftovers.
    pub(crate) fn heal(&mut self, at: SystemTime) {
        if self.is_testing() {
            self.healing = Some(epoch_seconds(at));
        }
    }

    /// The faults are on or being added, and their removal has not begun.
    pub(crate) fn is_testing(&self) -> bool {
        self.testing.is_some() && self.healing.is_none() && self.recovery.is_none()
    }

    /// The phases of a run that ended at this time. A phase that it did not reach is empty, at that time.
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
    fn effects_of_the_removal_do_not_count_as_testing() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut times = PhaseTimes::default();
        times.enter(Phase::Stabilization, at(100));
        times.heal(at(105));
        times.enter(Phase::Testing, at(110));
        let cut_short = times.windows(at(115)).unwrap();
        assert_eq!(cut_short.on_until, 115.0 - UNDER_WAY);
        assert!(times.is_testing());
        times.heal(at(120));
        assert!(!times.is_testing());
        times.heal(at(123));
        times.enter(Phase::Recovery, at(125));
        times.heal(at(126));
        let windows = times.windows(at(135)).unwrap();
        assert_eq!(windows.testing, Window { start: 110.0, end: 125.0 });
        assert_eq!(windows.on_until, 120.0 - UNDER_WAY);
    }
}
