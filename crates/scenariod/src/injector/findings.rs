//! What a preflight finds and refuses, in words. How it is found lives in `preflight`.

use std::fmt;

use super::residue::Residue;
use crate::lease::ownership::{Owner, why};
use crate::state::StateError;
use crate::state::journal::Settled;
use crate::toxiproxy::ToxiproxyError;

/// Something found or done that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    LeftoverRemoved {
        server: String,
        toxic: String,
        owner: Owner,
    },
    /// What a run would remove.
    Leftover {
        server: String,
        toxic: String,
        owner: Owner,
    },
    ProxyMissing {
        server: String,
    },
    ProxyCreated {
        server: String,
        listen: String,
        upstream: String,
    },
    Settled(Settled),
    ForeignAllowed {
        server: String,
        toxic: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::LeftoverRemoved { server, toxic, owner } => {
                write!(f, "removed {toxic} from {server}: {}", why(*owner))
            }
            Note::Leftover { server, toxic, owner } => {
                write!(f, "{toxic} on {server}: {}; a run removes it", why(*owner))
            }
            Note::ProxyMissing { server } => write!(f, "no proxy {server}; a run creates it"),
            Note::ProxyCreated { server, listen, upstream } => {
                write!(f, "created proxy {server}: {listen} -> {upstream}")
            }
            Note::Settled(settled) => settled.fmt(f),
            Note::ForeignAllowed { server, toxic } => {
                write!(
                    f,
                    "warning: {server} has toxic {toxic}, which is not ours; it is part of what is measured"
                )
            }
        }
    }
}

/// Something that makes a run worthless or is not ours to change.
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
    /// `None`: it has not said yet which run it is.
    Claimed {
        server: String,
        run: Option<String>,
    },
    Disabled {
        server: String,
    },
    /// Where it listens and where it leads to, as it is and as the lab file says.
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
                write!(f, "{server} already has toxic {toxic} ({kind}), which is not ours")
            }
            Obstacle::OtherRun { server, run, seconds_left } => {
                write!(f, "run {run} has a fault on {server} for up to {seconds_left} s")
            }
            Obstacle::Claimed { server, run: Some(run) } => write!(f, "run {run} is at work on {server}"),
            Obstacle::Claimed { server, run: None } => write!(f, "another run is at work on {server}"),
            Obstacle::Elsewhere { server, found, wanted } => {
                let ((at, to), (listen, upstream)) = (found, wanted);
                write!(
                    f,
                    "the proxy {server} leads from {at} to {to}, the lab file says from {listen} to {upstream}"
                )
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
