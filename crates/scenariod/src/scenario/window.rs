//! When the phases of a run were, in seconds since the epoch. Pure.

use serde::Serialize;

use super::During;

/// A scrape reads its figures some milliseconds after the time it is stamped with, in seconds.
pub(crate) const UNDER_WAY: f64 = 0.05;

/// A stretch of time, in seconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Window {
    pub(crate) start: f64,
    pub(crate) end: f64,
}

impl Window {
    /// Of a phase that a run did not come to.
    pub(crate) fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// When each phase of a run was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Windows {
    pub(crate) stabilization: Window,
    pub(crate) testing: Window,
    /// Scrapes of testing up to here show the client under the faults, later ones may show what their removal did to it.
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
