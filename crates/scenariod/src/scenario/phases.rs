//! The three phases of a run: their lengths and their names. Pure.

use std::time::Duration;

/// The length of each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phases {
    pub(crate) stabilization: Duration,
    pub(crate) testing: Duration,
    pub(crate) recovery: Duration,
}

/// A phase, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    Stabilization,
    Testing,
    Recovery,
    /// All three phases.
    Run,
}

impl Phases {
    /// The length of the run.
    pub(crate) fn total(&self) -> Duration {
        self.stabilization.saturating_add(self.testing).saturating_add(self.recovery)
    }

    /// The length of one phase, or of the whole run.
    pub(crate) fn of(&self, during: During) -> Duration {
        match during {
            During::Stabilization => self.stabilization,
            During::Testing => self.testing,
            During::Recovery => self.recovery,
            During::Run => self.total(),
        }
    }
}

impl During {
    /// In their order.
    pub(crate) const PHASES: [During; 3] = [During::Stabilization, During::Testing, During::Recovery];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            During::Stabilization => "stabilization",
            During::Testing => "testing",
            During::Recovery => "recovery",
            During::Run => "run",
        }
    }
}
