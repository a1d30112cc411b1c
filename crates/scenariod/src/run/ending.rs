//! What the end of a walk means for its run, before anything is judged. Pure.

use daemon_core::exit::{Exit, UserError};
use metrics_core::labels::RunStatus;

use crate::run::driver::Walked;
use crate::run::machine::Outcome;
use crate::run::rig::RunError;
use crate::run::supervisor::Ending;
use crate::verdict::stop_watch::StopReason;
use crate::verdict::{Conclusion, WalkEnd};

/// `stopped` is the condition that ended the walk, `interrupted` the exit code of the signal that did.
pub(super) fn walk_end(
    ending: Ending,
    stopped: Option<StopReason>,
    interrupted: Option<Exit>,
) -> (WalkEnd, Vec<RunError>) {
    match (ending, stopped) {
        (Ending::Walked(Walked { outcome: Outcome::Completed, errors }), _) => (WalkEnd::Completed, errors),
        (Ending::Walked(Walked { outcome: Outcome::Cancelled, errors }), Some(stopped))
            if interrupted.is_none() =>
        {
            // A condition that was met while faults were lost says nothing about the client.
            if errors.is_empty() {
                (WalkEnd::Stopped(stopped), errors)
            } else {
                early(Outcome::FaultLost, errors, interrupted)
            }
        }
        (Ending::Walked(Walked { outcome, errors }), _) => early(outcome, errors, interrupted),
        (Ending::Broken { error, residue: None }, _) => {
            let what = "broke off, no toxic is left".to_owned();
            let conclusion = Conclusion { status: RunStatus::Inconclusive, exit: error.exit(), what };
            (WalkEnd::Early(conclusion), vec![*error])
        }
        (Ending::Broken { error, residue: Some(residue) }, _) => {
            early(Outcome::Residue, vec![*error, *residue], interrupted)
        }
    }
}

/// A walk that did not go as planned.
pub(super) fn early(
    outcome: Outcome,
    errors: Vec<RunError>,
    interrupted: Option<Exit>,
) -> (WalkEnd, Vec<RunError>) {
    let last = errors.last().map(UserError::exit);
    let spoiled = match errors.last() {
        Some(error) if error.is_overdue() => "the faults outlived their lease, no toxic is left",
        _ => "the injector was lost or disturbed, no toxic is left",
    };
    let (status, exit, what) = match outcome {
        Outcome::Completed => (RunStatus::Success, Exit::Ok, "all phases completed, no toxic is left"),
        Outcome::FaultLost => (RunStatus::Inconclusive, Exit::Inconclusive, spoiled),
        Outcome::Cancelled => {
            (RunStatus::Aborted, interrupted.unwrap_or(Exit::Interrupted), "no toxic is left")
        }
        Outcome::Refused | Outcome::Undone if last == Some(Exit::Inconclusive) => {
            (RunStatus::Inconclusive, Exit::Inconclusive, spoiled)
        }
        Outcome::Refused => (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "nothing was injected"),
        Outcome::Undone => (RunStatus::Aborted, last.unwrap_or(Exit::Setup), "undone, no toxic is left"),
        Outcome::Residue => (RunStatus::Failed, Exit::Residue, "a fault may still be on"),
    };
    (WalkEnd::Early(Conclusion { status, exit, what: what.to_owned() }), errors)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::injector::{InjectError, Spoiled};
    use crate::verdict::judgement::stop::StopCause;

    fn walked(outcome: Outcome, errors: Vec<RunError>) -> Ending {
        Ending::Walked(Walked { outcome, errors })
    }

    fn lost() -> RunError {
        RunError::Spoiled { scenario: "x".to_owned(), cause: Spoiled::Restarted }
    }

    fn stopped() -> StopReason {
        StopReason { rule: "too slow".to_owned(), cause: StopCause::Met, lasting: Duration::from_secs(3) }
    }

    fn conclusion(
        ending: Ending,
        stopped: Option<StopReason>,
        interrupted: Option<Exit>,
    ) -> (RunStatus, Exit) {
        match walk_end(ending, stopped, interrupted).0 {
            WalkEnd::Early(Conclusion { status, exit, .. }) => (status, exit),
            end @ (WalkEnd::Completed | WalkEnd::Stopped(_)) => unreachable!("{end:?}"),
        }
    }

    #[test]
    fn a_stop_condition_ends_a_run_only_where_its_faults_were_on_and_no_signal_came() {
        let cancelled = |errors| walked(Outcome::Cancelled, errors);
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
    fn a_walk_that_broke_off_ends_as_its_faults_do() {
        let broken = |residue| Ending::Broken { error: Box::new(lost()), residue };
        assert_eq!(conclusion(broken(None), None, None), (RunStatus::Inconclusive, Exit::Inconclusive));
        let residue = Some(Box::new(lost()));
        assert_eq!(conclusion(broken(residue), None, None), (RunStatus::Failed, Exit::Residue));
    }

    #[test]
    fn what_was_undone_for_a_passing_reason_is_inconclusive() {
        let undone = |cause| {
            let error = RunError::Inject { scenario: "x".to_owned(), cause };
            conclusion(walked(Outcome::Undone, vec![error]), None, None)
        };
        assert_eq!(undone(Spoiled::Restarted.into()), (RunStatus::Inconclusive, Exit::Inconclusive));
        assert_eq!(undone(InjectError::Stopped), (RunStatus::Aborted, Exit::Setup));
    }
}
