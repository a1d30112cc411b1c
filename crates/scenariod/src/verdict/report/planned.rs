//! The planned lengths of the phases of a run, as its report and journal have them. Pure.

use serde::Serialize;

use crate::plan::Plan;

/// The planned length of each phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct PlannedPhases {
    pub(crate) stabilization_seconds: f64,
    pub(crate) testing_seconds: f64,
    pub(crate) recovery_seconds: f64,
    /// Which phases are longer than the time scale alone would make them.
    pub(crate) lengthened: Option<String>,
}

impl PlannedPhases {
    pub(crate) fn of(plan: &Plan) -> PlannedPhases {
        PlannedPhases {
            stabilization_seconds: plan.phases.stabilization.as_secs_f64(),
            testing_seconds: plan.phases.testing.as_secs_f64(),
            recovery_seconds: plan.phases.recovery.as_secs_f64(),
            lengthened: plan.lengths.describe(),
        }
    }
}
