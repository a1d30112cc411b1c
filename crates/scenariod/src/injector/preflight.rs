//! What has to be true of Toxiproxy before anything is measured: our overdue leftovers gone, proxies there and
//! passing, nobody else's toxics on the nodes a run makes sick. Foreign things are named, never touched.

use std::collections::BTreeSet;
use std::fmt;

use tokio_util::sync::CancellationToken;

use super::removal::{Residue, Role, Suspect, remove, suspect};
use super::{TRIES, retry};
use crate::lease::Lease;
use crate::toxiproxy::{Client, NewProxy, Power, Proxy, ToxiproxyError};

/// Something found or done that is worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    LeftoverRemoved { server: String, toxic: String },
    Leftover { server: String, toxic: String },
    ProxyMissing { server: String },
    ProxyCreated { server: String, listen: String, upstream: String },
    OtherUpstream { server: String, found: String, wanted: String },
    ForeignElsewhere { server: String, toxic: String },
    DisabledElsewhere { server: String },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::LeftoverRemoved { server, toxic } => {
                write!(f, "removed {toxic} from {server}: left over from a run that did not end well")
            }
            Note::Leftover { server, toxic } => {
                write!(f, "{toxic} on {server}, left over from a run that did not end well; a run removes it")
            }
            Note::ProxyMissing { server } => write!(f, "no proxy {server}; a run creates it"),
            Note::ProxyCreated { server, listen, upstream } => {
                write!(f, "created proxy {server}: {listen} -> {upstream}")
            }
            Note::OtherUpstream { server, found, wanted } => {
                write!(f, "warning: proxy {server} leads to {found}, the lab file says {wanted}")
            }
            Note::ForeignElsewhere { server, toxic } => {
                write!(f, "warning: {server} is not to be sick, but has toxic {toxic}, which is not ours")
            }
            Note::DisabledElsewhere { server } => {
                write!(f, "warning: {server} is not to be sick, but its proxy is disabled")
            }
        }
    }
}

/// Something that makes a run worthless or is not ours to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    Foreign { server: String, toxic: String, kind: String },
    OtherRun { server: String, run: String, seconds_left: u64 },
    Disabled { server: String },
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
}

fn list(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(Obstacle::to_string).collect::<Vec<_>>().join("; ")
}

/// Makes Toxiproxy ready for a run on `targets`, or says why it is not. `now` in seconds since the epoch.
pub(crate) async fn clear(
    client: &Client,
    servers: &[NewProxy],
    targets: &BTreeSet<&str>,
    now: u64,
    stop: &CancellationToken,
) -> Result<Vec<Note>, Refusal> {
    let mut notes = Vec::new();
    let proxies = without_leftovers(client, now, stop, &mut notes).await?;
    let obstacles = obstacles(&proxies, servers, targets, now, &mut notes);
    if !obstacles.is_empty() {
        return Err(Refusal::Obstacles(obstacles));
    }
    for server in servers {
        match proxies.iter().find(|proxy| proxy.name == server.name) {
            Some(proxy) if proxy.upstream != server.upstream => notes.push(Note::OtherUpstream {
                server: server.name.clone(),
                found: proxy.upstream.clone(),
                wanted: server.upstream.clone(),
            }),
            Some(_) => {}
            None => {
                let failed = |cause| Refusal::Proxy {
                    server: server.name.clone(),
                    listen: server.listen.clone(),
                    cause,
                };
                retry(stop, || client.create_proxy(server)).await.ok_or(Refusal::Stopped)?.map_err(failed)?;
                let NewProxy { name, listen, upstream } = server.clone();
                notes.push(Note::ProxyCreated { server: name, listen, upstream });
            }
        }
    }
    Ok(notes)
}

/// What `clear` would find and refuse; only reads.
pub(crate) async fn look(
    client: &Client,
    servers: &[NewProxy],
    targets: &BTreeSet<&str>,
    now: u64,
    stop: &CancellationToken,
) -> Result<Vec<Note>, Refusal> {
    let mut proxies = retry(stop, || client.proxies()).await.ok_or(Refusal::Stopped)??;
    let mut notes = Vec::new();
    for Suspect { server, toxic, role } in overdue(&proxies, now) {
        for proxy in proxies.iter_mut().filter(|proxy| proxy.name == server) {
            proxy.toxics.retain(|placed| placed.name != toxic);
            if role == Role::Marker {
                proxy.power = Power::Enabled;
            }
        }
        notes.push(Note::Leftover { server, toxic });
    }
    let obstacles = obstacles(&proxies, servers, targets, now, &mut notes);
    if !obstacles.is_empty() {
        return Err(Refusal::Obstacles(obstacles));
    }
    let missing = servers.iter().filter(|server| !proxies.iter().any(|proxy| proxy.name == server.name));
    notes.extend(missing.map(|server| Note::ProxyMissing { server: server.name.clone() }));
    Ok(notes)
}

/// Every proxy, once our overdue toxics are off.
async fn without_leftovers(
    client: &Client,
    now: u64,
    stop: &CancellationToken,
    notes: &mut Vec<Note>,
) -> Result<Vec<Proxy>, Refusal> {
    let read = || retry(stop, || client.proxies());
    let mut proxies = read().await.ok_or(Refusal::Stopped)??;
    let found = overdue(&proxies, now);
    let mut cause = None;
    for _ in 0..TRIES {
        let left = overdue(&proxies, now);
        if left.is_empty() {
            break;
        }
        cause = remove(client, &left).await;
        proxies = read().await.ok_or(Refusal::Stopped)??;
    }
    let left = overdue(&proxies, now);
    if !left.is_empty() {
        return Err(Residue { toxics: left, url: client.url().to_owned(), cause }.into());
    }
    notes.extend(
        found.into_iter().map(|Suspect { server, toxic, .. }| Note::LeftoverRemoved { server, toxic }),
    );
    Ok(proxies)
}

/// Toxics of ours whose lease is over, the last one put on first, as they are to be removed.
fn overdue(proxies: &[Proxy], now: u64) -> Vec<Suspect> {
    let overdue = |name: &str| Lease::parse(name).is_some_and(|lease| lease.expired(now));
    let of = |proxy: &Proxy| -> Vec<Suspect> {
        let toxics = proxy.toxics.iter().rev().filter(|toxic| overdue(&toxic.name));
        toxics.map(|toxic| suspect(proxy, toxic)).collect()
    };
    proxies.iter().flat_map(of).collect()
}

fn obstacles(
    proxies: &[Proxy],
    servers: &[NewProxy],
    targets: &BTreeSet<&str>,
    now: u64,
    notes: &mut Vec<Note>,
) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    for proxy in proxies.iter().filter(|proxy| servers.iter().any(|server| server.name == proxy.name)) {
        let server = proxy.name.clone();
        let target = targets.contains(server.as_str());
        match (proxy.power, target) {
            (Power::Disabled, true) => obstacles.push(Obstacle::Disabled { server: server.clone() }),
            (Power::Disabled, false) => notes.push(Note::DisabledElsewhere { server: server.clone() }),
            (Power::Enabled, _) => {}
        }
        for placed in &proxy.toxics {
            let (server, toxic) = (server.clone(), placed.name.clone());
            match (Lease::parse(&toxic), target) {
                (Some(lease), _) => {
                    let other = Obstacle::OtherRun {
                        server,
                        run: lease.run.to_string(),
                        seconds_left: lease.deadline.saturating_sub(now),
                    };
                    // One run may have many toxics on a node.
                    if !obstacles.contains(&other) {
                        obstacles.push(other);
                    }
                }
                (None, true) => {
                    obstacles.push(Obstacle::Foreign { server, toxic, kind: placed.kind.clone() });
                }
                (None, false) => notes.push(Note::ForeignElsewhere { server, toxic }),
            }
        }
    }
    obstacles
}
