//! The start and end of each phase of a run, in seconds since the epoch. Pure.

use serde::Serialize;

use super::During;

/// A scrape reads its values up to this many seconds after its time stamp.
pub(crate) const UNDER_WAY: f64 = 0.05;

/// A span of time, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Window {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Window {
    /// Is it the window of a phase that the run did not reach?
    pub(crate) fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// The window of each phase of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Windows {
    pub(crate) stabilization: Window,
    pub(crate) testing: Window,
    /// Scrapes of testing up to this time show the client under the faults. Later ones may show effects of the removal.
    pub(crate) on_until: f64,
    pub(crate) recovery: Window,
}

impl Windows {
    pub(crate) fn of(&self, during: During) -> Window {
        match during {
            During::Stabilization => self.stabilization,
            During::Testing => self.testing,
            During::Recovery => self.recovery,
            During::Run => Window { start: self.stabilization.start, end: self.recovery.end },
        }
    }
}
