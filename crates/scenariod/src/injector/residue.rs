//! Toxics of ours that are to go or would not go, and what a person can do about those. Pure.

use std::fmt;

use crate::fault::toxic::ToxicKind;
use crate::lease::ownership::Found;
use crate::toxiproxy::{ApiPath, Power, ToxiproxyError, power_body};

/// Toxics of ours that could not be seen to be gone.
#[derive(Debug)]
pub(crate) struct Residue {
    pub(crate) toxics: Vec<Suspect>,
    /// Address of the API.
    pub(crate) url: String,
    /// The last call that failed.
    pub(crate) cause: Option<ToxiproxyError>,
}

impl Residue {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> String {
        if matches!(self.cause, Some(ToxiproxyError::Connect { .. })) {
            let url = &self.url;
            return format!(
                "nobody listens there: if toxiproxy is dead, its toxics died with it. Start it, then look:\n  curl {url}{}",
                ApiPath::Proxies
            );
        }
        let restart = match self.cause {
            Some(ToxiproxyError::TimedOut { .. }) => {
                "; if toxiproxy does not answer these either, restart it: its toxics go with it"
            }
            _ => "",
        };
        format!("remove it by hand, then look{restart}:\n  {}", self.commands().join("\n  "))
    }

    /// The commands that do by hand what could not be done.
    fn commands(&self) -> Vec<String> {
        let delete = |Suspect { server, toxic, role }: &Suspect| {
            let delete = format!("curl -X DELETE {}{}", self.url, ApiPath::Toxic(server, toxic));
            match role {
                Role::Plain | Role::Closing => vec![delete],
                Role::Marker => {
                    let enable = power_body(Power::Enabled);
                    vec![format!("curl -X POST -d '{enable}' {}{}", self.url, ApiPath::Proxy(server)), delete]
                }
            }
        };
        self.toxics.iter().flat_map(delete).chain([format!("curl {}{}", self.url, ApiPath::Proxies)]).collect()
    }
}

impl std::error::Error for Residue {}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> =
            self.toxics.iter().map(|suspect| format!("{} on {}", suspect.toxic, suspect.server)).collect();
        write!(f, "a fault may still be on: {} could not be seen to be gone", list.join(", "))?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

/// A toxic of ours that is to be removed: a look at Toxiproxy says so or, where it does not answer, the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) server: String,
    pub(crate) toxic: String,
    pub(crate) role: Role,
}

impl From<&Found<'_>> for Suspect {
    fn from(found: &Found<'_>) -> Suspect {
        Suspect {
            server: found.proxy.name.clone(),
            toxic: found.placed.name.clone(),
            role: Role::of(found.placed.toxic.map(|toxic| toxic.kind)),
        }
    }
}

/// What a toxic of ours is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// Going, it closes every connection it is on.
    Closing,
    /// Its proxy is disabled by us. It is enabled first: without its marker a disabled proxy would be nobody's.
    Marker,
}

impl Role {
    pub(super) fn of(kind: Option<ToxicKind>) -> Role {
        match kind {
            Some(ToxicKind::Marker) => Role::Marker,
            Some(kind) if kind.closes_when_removed() => Role::Closing,
            _ => Role::Plain,
        }
    }
}
