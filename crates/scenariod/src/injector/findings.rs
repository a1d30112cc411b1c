//! The results of a preflight and their texts: notes, obstacles, refusals. `preflight` finds them.

use std::fmt;

use super::residue::Residue;
use crate::lease::ownership::Liveness;
use crate::state::StateError;
use crate::state::journal::CutOffRun;
use crate::toxiproxy::ToxiproxyError;

/// Something that the preflight found or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PreflightNote {
    LeftoverRemoved {
        server: String,
        toxic: String,
        liveness: Liveness,
    },
    /// A toxic that a run would remove.
    Leftover {
        server: String,
        toxic: String,
        liveness: Liveness,
    },
    ProxyMissing {
        server: String,
    },
    ProxyCreated {
        server: String,
        listen: String,
        upstream: String,
    },
    CutOff(CutOffRun),
    ForeignAllowed {
        server: String,
        toxic: String,
    },
}

impl fmt::Display for PreflightNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PreflightNote::LeftoverRemoved { server, toxic, liveness } => {
                write!(f, "removed {toxic} from {server}: {}", liveness.removal_reason())
            }
            PreflightNote::Leftover { server, toxic, liveness } => {
                write!(f, "{toxic} on {server}: {}; a run removes it", liveness.removal_reason())
            }
            PreflightNote::ProxyMissing { server } => write!(f, "no proxy {server}; a run creates it"),
            PreflightNote::ProxyCreated { server, listen, upstream } => {
                write!(f, "created proxy {server}: {listen} -> {upstream}")
            }
            PreflightNote::CutOff(run) => run.fmt(f),
            PreflightNote::ForeignAllowed { server, toxic } => {
                write!(
                    f,
                    "warning: {server} has toxic {toxic}, which this lab did not add; it is part of what is measured"
                )
            }
        }
    }
}

/// Why a run cannot start: something would make it inconclusive and is not for this run to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Foreign {
        server: String,
        toxic: String,
        kind: String,
    },
    OtherRun {
        server: String,
        run: String,
        seconds_left: u64,
    },
    /// `None`: that run has not written its id yet.
    Claimed {
        server: String,
        run: Option<String>,
    },
    Disabled {
        server: String,
    },
    /// The proxy is missing, and another proxy listens at its address.
    ListenTaken {
        server: String,
        listen: String,
        by: String,
    },
    /// Listen and upstream addresses: those found and those of the lab file.
    Elsewhere {
        server: String,
        found: (String, String),
        wanted: (String, String),
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Obstacle::Foreign { server, toxic, kind } => {
                write!(f, "{server} already has toxic {toxic} ({kind}), which this lab did not add")
            }
            Obstacle::OtherRun { server, run, seconds_left } => {
                write!(f, "run {run} has a fault on {server} for up to {seconds_left} s")
            }
            Obstacle::Claimed { server, run: Some(run) } => write!(f, "run {run} is using {server}"),
            Obstacle::Claimed { server, run: None } => write!(f, "another run is using {server}"),
            Obstacle::Elsewhere { server, found, wanted } => {
                let ((at, to), (listen, upstream)) = (found, wanted);
                write!(
                    f,
                    "the proxy {server} leads from {at} to {to}, but the lab file says from {listen} to {upstream}"
                )
            }
            Obstacle::ListenTaken { server, listen, by } => {
                write!(f, "cannot create proxy {server} on {listen}: the proxy {by} listens there")
            }
            Obstacle::Disabled { server } => write!(f, "the proxy {server} is disabled"),
        }
    }
}

/// Why nothing was injected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("stopped before anything was injected")]
    Stopped,
    #[error(transparent)]
    Call(#[from] ToxiproxyError),
    #[error("cannot create proxy {server} on {listen}: {cause}")]
    Proxy { server: String, listen: String, cause: ToxiproxyError },
    #[error("{}", list(.0))]
    Obstacles(Vec<Obstacle>),
    #[error(transparent)]
    Leftovers(#[from] Residue),
    #[error(transparent)]
    State(#[from] StateError),
}

fn list(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(Obstacle::to_string).collect::<Vec<_>>().join("; ")
}
