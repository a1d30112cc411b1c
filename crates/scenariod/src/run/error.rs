//! Why a run did not end well, with exit codes and hints.

use daemon_core::exit::{Exit, UserError};

use crate::injector::{Disturbance, InjectError, Obstacle, Refusal, Residue};
use crate::run::machine::InvalidTransition;
use crate::state::StateError;
use crate::toxiproxy::UNREACHABLE_HINT;

/// Why a run did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("{scenario} was not started: {cause}")]
    State { scenario: String, cause: StateError },
    #[error("{scenario} is inconclusive: {cause}")]
    Disturbed { scenario: String, cause: Disturbance },
    #[error("{scenario} was not started: {cause}")]
    Refused { scenario: String, cause: Refusal },
    #[error("{scenario} was not injected: {cause}")]
    Inject { scenario: String, cause: InjectError },
    #[error("{scenario} did not go as planned: {cause}")]
    Adjust { scenario: String, cause: InjectError },
    #[error("{scenario}: {cause}")]
    Residue { scenario: String, cause: Residue },
    #[error("{scenario} was aborted: {cause}")]
    Invalid { scenario: String, cause: InvalidTransition },
    #[error("{scenario} was aborted: internal error: {cause}")]
    Internal { scenario: String, cause: String },
}

impl UserError for RunError {
    fn exit(&self) -> Exit {
        match self {
            RunError::Refused { cause: Refusal::Leftovers(_), .. } | RunError::Residue { .. } => {
                Exit::Residue
            }
            RunError::Inject { cause: InjectError::Disturbed(disturbance), .. }
                if disturbance.is_passing() =>
            {
                Exit::Inconclusive
            }
            RunError::State { .. } | RunError::Refused { .. } | RunError::Inject { .. } => Exit::Setup,
            RunError::Disturbed { .. }
            | RunError::Adjust { .. }
            | RunError::Invalid { .. }
            | RunError::Internal { .. } => Exit::Inconclusive,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            RunError::Refused { cause: Refusal::Call(_), .. } => Some(UNREACHABLE_HINT.to_owned()),
            RunError::Refused { cause: Refusal::Obstacles(obstacles), .. } => {
                obstacles.first().map(|obstacle| obstacle_hint(obstacle).to_owned())
            }
            RunError::Refused { cause: Refusal::Leftovers(residue), .. }
            | RunError::Residue { cause: residue, .. } => Some(residue.hint()),
            RunError::Inject { cause: InjectError::Unsupported { .. }, .. } => {
                Some("a newer Toxiproxy may have it".to_owned())
            }
            RunError::State { cause, .. } | RunError::Refused { cause: Refusal::State(cause), .. } => {
                cause.hint()
            }
            RunError::Refused { .. }
            | RunError::Disturbed { .. }
            | RunError::Inject { .. }
            | RunError::Adjust { .. }
            | RunError::Invalid { .. }
            | RunError::Internal { .. } => None,
        }
    }
}

impl RunError {
    /// Whether faults of the run outlived their leases.
    pub(crate) fn is_overdue(&self) -> bool {
        let (RunError::Disturbed { cause, .. }
        | RunError::Adjust { cause: InjectError::Disturbed(cause), .. }
        | RunError::Inject { cause: InjectError::Disturbed(cause), .. }) = self
        else {
            return false;
        };
        matches!(cause, Disturbance::LeaseOver { .. })
    }
}

fn obstacle_hint(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Foreign { .. } => {
            "remove the toxic with the tool that added it; a run next to it would be inconclusive"
        }
        Obstacle::ListenTaken { .. } => {
            "remove the other proxy with the tool that added it, or change `listen` in the lab file"
        }
        Obstacle::Disabled { .. } => "enable the proxy; every node of the lab is part of what a run measures",
        Obstacle::OtherRun { .. } | Obstacle::Claimed { .. } => "wait for the other run, or stop it",
        Obstacle::Elsewhere { .. } => {
            "is this the lab's Toxiproxy and the right lab file? choose them with `--toxiproxy` and `--config`"
        }
    }
}
