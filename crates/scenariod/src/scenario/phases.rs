//! The three phases of a run: how long each lasts, and the names by which expectations refer to them. Pure.

use std::time::Duration;

/// How long each phase lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Phases {
    pub(crate) stabilization: Duration,
    pub(crate) testing: Duration,
    pub(crate) recovery: Duration,
}

/// The part of a run that something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum During {
    Stabilization,
    Testing,
    Recovery,
    /// All three phases.
    Run,
}

impl Phases {
    /// All three together.
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
