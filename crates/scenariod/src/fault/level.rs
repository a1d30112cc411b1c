//! How strong a fault is at a moment, as a share of what the scenario says. Pure.

use std::time::Duration;

/// In (0, 1].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Level(f64);

impl Level {
    pub(crate) const FULL: Level = Level(1.0);

    /// `None` outside (0, 1].
    pub(crate) fn new(level: f64) -> Option<Level> {
        (level > 0.0 && level <= 1.0).then_some(Level(level))
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }

    /// That share of a duration.
    pub(super) fn of(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0)
    }
}
