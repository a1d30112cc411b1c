//! From the end of a walk to the status and exit code of its run, before anything is judged. Pure.

use daemon_core::exit::{Exit, UserError};
use metrics_core::labels::RunStatus;

use crate::run::driver::WalkResult;
use crate::run::error::RunError;
use crate::run::machine::Outcome;
use crate::run::supervisor::SupervisedEnd;
use crate::verdict::stop_watch::StopReason;
use crate::verdict::{Conclusion, WalkEnd};

/// The end of a walk. `stopped` is the stop condition that ended it, `interrupted` the exit code of the signal that did.
pub(super) fn walk_end(
    end: SupervisedEnd,
    stopped: Option<StopReason>,
    interrupted: Option<Exit>,
) -> (WalkEnd, Vec<RunError>) {
    match (end, stopped) {
        (SupervisedEnd::Regular(WalkResult { outcome: Outcome::Completed, errors }), _) => {
            (WalkEnd::Completed, errors)
        }
        (SupervisedEnd::Regular(WalkResult { outcome: Outcome::Cancelled, errors }), Some(stopped))
            if interrupted.is_none() =>
        {
            // A condition that was met without the faults says nothing about the client.
            if errors.is_empty() {
                (WalkEnd::Stopped(stopped), errors)
            } else {
                early_end(Outcome::FaultLost, errors, interrupted)
            }
        }
        (SupervisedEnd::Regular(WalkResult { outcome, errors }), _) => {
            early_end(outcome, errors, interrupted)
        }
        (SupervisedEnd::Crashed { error, residue: None }, _) => {
            let what = "aborted by an internal error, no toxic is left".to_owned();
            let conclusion = Conclusion { status: RunStatus::Inconclusive, exit: error.exit(), what };
            (WalkEnd::Early(conclusion), vec![*error])
        }
        (SupervisedEnd::Crashed { error, residue: Some(residue) }, _) => {
            early_end(Outcome::Residue, vec![*error, *residue], interrupted)
        }
    }
}

/// The end of a walk that did not go as planned.
pub(super) fn early_end(
    outcome: Outcome,
    errors: Vec<RunError>,
    interrupted: Option<Exit>,
) -> (WalkEnd, Vec<RunError>) {
    let last = errors.last().map(UserError::exit);
    let disturbed = match errors.last() {
        Some(error) if error.is_overdue() => "the faults outlived their lease, no toxic is left",
        _ => "the injector was lost or disturbed, no toxic is left",
    };
    let (status, exit, what) = match outcome {
        Outcome::Completed => (RunStatus::Success, Exit::Ok, "all phases completed, no toxic is left"),
        Outcome::FaultLost => (RunStatus::Inconclusive, Exit::Inconclusive, disturbed),
        Outcome::Cancelled => {
            (RunStatus::Aborted, interrupted.unwrap_or(Exit::Interrupted), "no toxic is left")
        }
        Outcome::Refused | Outcome::Undone if last == Some(Exit::Inconclusive) => {
            (RunStatus::Inconclusive, Exit::Inconclusive, disturbed)
        }
        Outcome::Refused => (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "nothing was injected"),
        Outcome::Undone => {
            (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "injection undone, no toxic is left")
        }
        Outcome::Residue => (RunStatus::Failed, Exit::Residue, "a fault may still be active"),
    };
    (WalkEnd::Early(Conclusion { status, exit, what: what.to_owned() }), errors)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::injector::{Disturbance, InjectError};
    use crate::verdict::judgement::stop::StopCause;

    fn regular(outcome: Outcome, errors: Vec<RunError>) -> SupervisedEnd {
        SupervisedEnd::Regular(WalkResult { outcome, errors })
    }

    fn lost() -> RunError {
        RunError::Disturbed { scenario: "x".to_owned(), cause: Disturbance::Restarted }
    }

    fn stopped() -> StopReason {
        StopReason { rule: "too slow".to_owned(), cause: StopCause::Met, lasting: Duration::from_secs(3) }
    }

    fn conclusion(
        end: SupervisedEnd,
        stopped: Option<StopReason>,
        interrupted: Option<Exit>,
    ) -> (RunStatus, Exit) {
        match walk_end(end, stopped, interrupted).0 {
            WalkEnd::Early(Conclusion { status, exit, .. }) => (status, exit),
            end @ (WalkEnd::Completed | WalkEnd::Stopped(_)) => unreachable!("{end:?}"),
        }
    }

    #[test]
    fn a_stop_condition_counts_only_with_faults_on_and_without_a_signal() {
        let cancelled = |errors| regular(Outcome::Cancelled, errors);
        assert!(matches!(walk_end(cancelled(Vec::new()), Some(stopped()), None).0, WalkEnd::Stopped(_)));
        assert_eq!(
            conclusion(cancelled(vec![lost()]), Some(stopped()), None),
            (RunStatus::Inconclusive, Exit::Inconclusive)
        );
        let terminated = Some(Exit::Terminated);
        assert_eq!(
            conclusion(cancelled(Vec::new()), Some(stopped()), terminated),
            (RunStatus::Aborted, Exit::Terminated)
        );
    }

    #[test]
    fn a_crashed_walk_is_inconclusive_unless_a_fault_may_be_left() {
        let crashed = |residue| SupervisedEnd::Crashed { error: Box::new(lost()), residue };
        assert_eq!(conclusion(crashed(None), None, None), (RunStatus::Inconclusive, Exit::Inconclusive));
        let residue = Some(Box::new(lost()));
        assert_eq!(conclusion(crashed(residue), None, None), (RunStatus::Failed, Exit::Residue));
    }

    #[test]
    fn an_undone_injection_is_inconclusive_if_the_reason_was_passing() {
        let undone = |cause| {
            let error = RunError::Inject { scenario: "x".to_owned(), cause };
            conclusion(regular(Outcome::Undone, vec![error]), None, None)
        };
        assert_eq!(undone(Disturbance::Restarted.into()), (RunStatus::Inconclusive, Exit::Inconclusive));
        assert_eq!(undone(InjectError::Stopped), (RunStatus::Aborted, Exit::Setup));
    }
}
