//! Combines the judgements of a run to its status. Pure.

use metrics_core::labels::{Finding, RunStatus};

use super::Judgement;
use crate::scenario::During;
use crate::scenario::expectation::{Expectation, Subject};

/// The status of a run whose fault did not last. Only expectations of the whole run, which apply without a fault, can
/// still fail it.
pub(crate) fn status_without_fault(judgements: &[(&Expectation, Judgement)]) -> RunStatus {
    let fails = |(expectation, judgement): &(&Expectation, Judgement)| {
        expectation.during == During::Run && judgement.finding == Some(Finding::Fail)
    };
    if judgements.iter().any(fails) { RunStatus::Failed } else { RunStatus::Inconclusive }
}

/// The status of a run that completed all its phases.
pub(crate) fn overall_status(judgements: &[(&Expectation, Judgement)]) -> RunStatus {
    // Without a visible fault and a healthy baseline, no failure can be blamed on the client.
    let unproven = judgements.iter().any(|(expectation, judgement)| {
        expectation.subject != Subject::Client && judgement.finding == Some(Finding::Inconclusive)
    });
    if unproven {
        return status_without_fault(judgements);
    }
    let found = |finding| judgements.iter().any(|(_, judgement)| judgement.finding == Some(finding));
    if found(Finding::Fail) {
        RunStatus::Failed
    } else if found(Finding::Inconclusive) {
        RunStatus::Inconclusive
    } else {
        RunStatus::Success
    }
}
