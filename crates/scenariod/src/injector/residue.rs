//! Toxics that have to go, and the report on those that could not be removed: what is left and how to remove it by hand. Pure.

use std::fmt;

use crate::fault::toxic::ToxicKind;
use crate::lease::ownership::FoundToxic;
use crate::toxiproxy::{ApiAddress, ApiPath, PLACEHOLDER, Power, ToxiproxyError, power_body};

/// Toxics of this lab that may still be active.
#[derive(Debug)]
pub(crate) struct Residue {
    pub(crate) toxics: Vec<Suspect>,
    /// Toxiproxy's API.
    pub(crate) api: ApiAddress,
    /// The last call that failed.
    pub(crate) cause: Option<ToxiproxyError>,
}

impl Residue {
    /// How a user can remove it.
    pub(crate) fn hint(&self) -> String {
        if matches!(self.cause, Some(ToxiproxyError::Connect { .. })) {
            return format!(
                "nothing listens there: if toxiproxy has died, its toxics are gone. Start it, then check{}:\n  {}",
                self.login(),
                self.api.curl("", ApiPath::Proxies)
            );
        }
        let restart = match self.cause {
            Some(ToxiproxyError::TimedOut { .. }) => {
                "; if toxiproxy does not answer these either, restart it, which drops its toxics"
            }
            _ => "",
        };
        format!("remove it by hand, then check{restart}{}:\n  {}", self.login(), self.commands().join("\n  "))
    }

    /// What to do about the secrets that no command shows.
    fn login(&self) -> String {
        match self.api.needs_login() {
            true => format!("; replace {PLACEHOLDER} with those of the URL"),
            false => String::new(),
        }
    }

    /// The commands that remove it.
    fn commands(&self) -> Vec<String> {
        let delete = |Suspect { server, toxic, role }: &Suspect| {
            let delete = self.api.curl("-X DELETE", ApiPath::Toxic(server, toxic));
            match role {
                Role::Plain | Role::Closing => vec![delete],
                Role::Marker => {
                    let enable = power_body(Power::Enabled);
                    vec![self.api.curl(&format!("-X POST -d '{enable}'"), ApiPath::Proxy(server)), delete]
                }
            }
        };
        self.toxics.iter().flat_map(delete).chain([self.api.curl("", ApiPath::Proxies)]).collect()
    }
}

impl std::error::Error for Residue {}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> =
            self.toxics.iter().map(|suspect| format!("{} on {}", suspect.toxic, suspect.server)).collect();
        write!(f, "a fault may still be active: {} could not be confirmed as removed", list.join(", "))?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

/// A toxic of this lab that has to be removed. Toxiproxy was read to have it, or the ledger says that it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) server: String,
    pub(crate) toxic: String,
    pub(crate) role: Role,
}

impl From<&FoundToxic<'_>> for Suspect {
    fn from(found: &FoundToxic<'_>) -> Suspect {
        Suspect {
            server: found.proxy.name.clone(),
            toxic: found.toxic.name.clone(),
            role: Role::of_kind(found.toxic.toxic.map(|toxic| toxic.kind)),
        }
    }
}

/// How a toxic affects its own removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// Its removal closes every connection that it is on.
    Closing,
    /// It marks a proxy that this lab has disabled. The proxy is enabled first: without its marker nobody would know that
    /// this lab has disabled it.
    Marker,
}

impl Role {
    pub(super) fn of_kind(kind: Option<ToxicKind>) -> Role {
        match kind {
            Some(ToxicKind::Marker) => Role::Marker,
            Some(kind) if kind.closes_when_removed() => Role::Closing,
            _ => Role::Plain,
        }
    }
}
