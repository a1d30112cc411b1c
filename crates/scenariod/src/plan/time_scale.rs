//! The time scale of a run: `--time-scale`, times that of its playlist. Pure.

use std::time::Duration;

/// A factor for the lengths of phases and leases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeScale(f64);

impl TimeScale {
    /// With a smaller factor, a phase is shorter than a call to Toxiproxy. With a larger one, a fault could outlive a killed
    /// run by hours.
    const LEAST: f64 = 0.0001;
    const MOST: f64 = 100.0;
    /// The bounds in words.
    pub(crate) const BOUNDS: &str = "from 0.0001 to 100";

    /// `None` outside the bounds.
    pub(crate) fn new(factor: f64) -> Option<TimeScale> {
        (TimeScale::LEAST..=TimeScale::MOST).contains(&factor).then_some(TimeScale(factor))
    }

    /// The product of both factors; `None` outside the bounds.
    pub(crate) fn and(self, other: TimeScale) -> Option<TimeScale> {
        TimeScale::new(self.0 * other.0)
    }

    /// Whether it makes phases shorter.
    pub(crate) fn shortens(self) -> bool {
        self.0 < 1.0
    }

    pub(crate) fn of(self, duration: Duration) -> Duration {
        // Limited to some centuries, because a duration must not overflow.
        let seconds = (duration.as_secs_f64() * self.0).min(1e10);
        Duration::from_secs_f64(seconds)
    }
}

impl Default for TimeScale {
    fn default() -> Self {
        TimeScale(1.0)
    }
}
