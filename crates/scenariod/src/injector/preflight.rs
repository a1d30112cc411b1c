//! What has to be true of Toxiproxy before anything is measured: our overdue leftovers gone, proxies there and
//! passing, nobody else's toxics on any node of the lab. Foreign things are named, never touched.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::findings::{Note, Obstacle, Refusal};
use super::removal::remove;
use super::residue::{Residue, Role, Suspect};
use super::retry::TRIES;
use super::{Foreign, Injector, Kit, retry};
use crate::lease::Lease;
use crate::lease::ownership::{Owner, Sight, sort};
use crate::state::journal;
use crate::state::{ClaimError, StateDir};
use crate::toxiproxy::{Client, NewProxy, Power, Proxy};

/// How long one round at other runs' leftovers may take.
const LEFTOVERS: Duration = Duration::from_secs(10);

/// What a preflight is judged by.
#[derive(Debug)]
pub(crate) struct Ground<'a> {
    /// The lab's nodes.
    pub(crate) servers: &'a [NewProxy],
    pub(crate) state: &'a StateDir,
    /// Seconds since the epoch.
    pub(crate) now: u64,
    pub(crate) foreign: Foreign,
}

impl Injector {
    /// Makes Toxiproxy ready for this run, or says why it is not. `now` in seconds since the epoch.
    pub(crate) async fn clear(&self, now: u64, stop: &CancellationToken) -> Result<Vec<Note>, Refusal> {
        self.claim()?;
        let Kit { servers, state, foreign, .. } = &self.kit;
        let ground = Ground { servers, state, now, foreign: *foreign };
        let mut notes = Vec::new();
        let proxies = without_leftovers(self.client(), &ground, stop, &mut notes).await?;
        let settled = journal::settle(state, self.client().url(), &proxies);
        notes.extend(settled.into_iter().map(Note::Settled));
        let obstacles = obstacles(&proxies, &ground, &mut notes);
        if !obstacles.is_empty() {
            return Err(Refusal::Obstacles(obstacles));
        }
        *self.snapshot.lock() = self.with_missing(proxies, stop, &mut notes).await?;
        self.restarts.store(self.client().restarts(), Ordering::Relaxed);
        Ok(notes)
    }

    /// A fault on any node of the lab would spoil the run, so it claims them all.
    fn claim(&self) -> Result<(), Refusal> {
        for server in self.kit.servers.iter().map(|server| &server.name) {
            match self.kit.state.claim(self.client().url(), server, self.run()) {
                Ok(claim) => self.claims.lock().push(claim),
                Err(ClaimError::State(error)) => return Err(error.into()),
                Err(ClaimError::Held(run)) => {
                    let held = Obstacle::Claimed { server: server.clone(), run };
                    return Err(Refusal::Obstacles(vec![held]));
                }
            }
        }
        Ok(())
    }

    /// Every proxy, once those that the lab has and Toxiproxy has not are made.
    async fn with_missing(
        &self,
        proxies: Vec<Proxy>,
        stop: &CancellationToken,
        notes: &mut Vec<Note>,
    ) -> Result<Vec<Proxy>, Refusal> {
        let missing = |server: &&NewProxy| !proxies.iter().any(|proxy| proxy.name == server.name);
        let missing: Vec<&NewProxy> = self.kit.servers.iter().filter(missing).collect();
        if missing.is_empty() {
            return Ok(proxies);
        }
        for server in missing {
            let NewProxy { name, listen, upstream } = server.clone();
            let made = retry(stop, || self.client().create_proxy(server)).await.ok_or(Refusal::Stopped)?;
            let failed = |cause| Refusal::Proxy { server: name.clone(), listen: listen.clone(), cause };
            made.map_err(failed)?;
            notes.push(Note::ProxyCreated { server: name, listen, upstream });
        }
        Ok(retry(stop, || self.client().proxies()).await.ok_or(Refusal::Stopped)??)
    }
}

/// What `clear` would find and refuse; only reads.
pub(crate) async fn look(
    client: &Client,
    ground: &Ground<'_>,
    stop: &CancellationToken,
) -> Result<Vec<Note>, Refusal> {
    // As a run sees it, which refuses at the first claim and before it asks Toxiproxy anything.
    for server in ground.servers.iter().map(|server| &server.name) {
        if let Some(run) = ground.state.claimant(client.url(), server) {
            let held = Obstacle::Claimed { server: server.clone(), run: Some(run) };
            return Err(Refusal::Obstacles(vec![held]));
        }
    }
    let mut proxies = retry(stop, || client.proxies()).await.ok_or(Refusal::Stopped)??;
    let mut notes = Vec::new();
    for (Suspect { server, toxic, role }, owner) in overdue(&proxies, ground) {
        for proxy in proxies.iter_mut().filter(|proxy| proxy.name == server) {
            proxy.toxics.retain(|placed| placed.name != toxic);
            if role == Role::Marker {
                proxy.power = Power::Enabled;
            }
        }
        notes.push(Note::Leftover { server, toxic, owner });
    }
    let obstacles = obstacles(&proxies, ground, &mut notes);
    if !obstacles.is_empty() {
        return Err(Refusal::Obstacles(obstacles));
    }
    let missing =
        ground.servers.iter().filter(|server| !proxies.iter().any(|proxy| proxy.name == server.name));
    notes.extend(missing.map(|server| Note::ProxyMissing { server: server.name.clone() }));
    Ok(notes)
}

/// Every proxy, once our forfeited toxics are off.
async fn without_leftovers(
    client: &Client,
    ground: &Ground<'_>,
    stop: &CancellationToken,
    notes: &mut Vec<Note>,
) -> Result<Vec<Proxy>, Refusal> {
    let read = || retry(stop, || client.proxies());
    let mut proxies = read().await.ok_or(Refusal::Stopped)??;
    let found = overdue(&proxies, ground);
    let left = |proxies: &[Proxy]| overdue(proxies, ground).into_iter().map(|(left, _)| left).collect();
    let mut cause = None;
    for _ in 0..TRIES {
        let left: Vec<Suspect> = left(&proxies);
        if left.is_empty() {
            break;
        }
        cause = remove(client, &left, Instant::now() + LEFTOVERS).await;
        proxies = read().await.ok_or(Refusal::Stopped)??;
    }
    let left: Vec<Suspect> = left(&proxies);
    if !left.is_empty() {
        return Err(Residue { toxics: left, url: client.url().to_owned(), cause }.into());
    }
    let removed = |(Suspect { server, toxic, .. }, owner)| Note::LeftoverRemoved { server, toxic, owner };
    notes.extend(found.into_iter().map(removed));
    Ok(proxies)
}

/// Toxics of ours that have no right to be there, as they are to be removed, with what is known of their runs.
fn overdue(proxies: &[Proxy], ground: &Ground<'_>) -> Vec<(Suspect, Owner)> {
    let (overdue, _) = sort(proxies, |run| ground.state.owner(run), |_| Sight::now(ground.now));
    overdue.iter().map(|(found, owner)| (Suspect::from(found), *owner)).collect()
}

fn obstacles(proxies: &[Proxy], ground: &Ground<'_>, notes: &mut Vec<Note>) -> Vec<Obstacle> {
    let mut obstacles = Vec::new();
    for proxy in proxies {
        let Some(wanted) = ground.servers.iter().find(|server| server.name == proxy.name) else { continue };
        let server = proxy.name.clone();
        if !same_address(&wanted.listen, &proxy.listen) || wanted.upstream != proxy.upstream {
            let found = (proxy.listen.clone(), proxy.upstream.clone());
            let wanted = (wanted.listen.clone(), wanted.upstream.clone());
            obstacles.push(Obstacle::Elsewhere { server: server.clone(), found, wanted });
        }
        if proxy.power == Power::Disabled {
            obstacles.push(Obstacle::Disabled { server: server.clone() });
        }
        for placed in &proxy.toxics {
            let (server, toxic) = (server.clone(), placed.name.clone());
            match (Lease::parse(&toxic), ground.foreign) {
                (Some(lease), ..) => {
                    let other = Obstacle::OtherRun {
                        server,
                        run: lease.run.to_string(),
                        seconds_left: lease.deadline.saturating_sub(ground.now),
                    };
                    // One run may have many toxics on a node.
                    if !obstacles.contains(&other) {
                        obstacles.push(other);
                    }
                }
                (None, Foreign::Refuse) => {
                    obstacles.push(Obstacle::Foreign { server, toxic, kind: placed.kind.clone() });
                }
                (None, Foreign::Allow) => notes.push(Note::ForeignAllowed { server, toxic }),
            }
        }
    }
    obstacles
}

/// Whether Toxiproxy's spelling of where it listens is what the lab file means. It resolves names and says `[::]` for
/// every wildcard.
fn same_address(wanted: &str, found: &str) -> bool {
    let parts = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.parse::<IpAddr>().ok(), host.is_empty(), port.parse::<u16>().ok()?))
    };
    let (Some((host, empty, port)), Some((bound, _, bound_port))) = (parts(wanted), parts(found)) else {
        return wanted == found;
    };
    let same_host = match (host, bound) {
        (Some(host), Some(bound)) => host == bound || host.is_unspecified() && bound.is_unspecified(),
        (None, Some(bound)) if empty => bound.is_unspecified(),
        // A name: only Toxiproxy knows where it led.
        (None, _) | (Some(_), None) => true,
    };
    same_host && (port == bound_port || port == 0)
}

#[cfg(test)]
mod tests {
    use super::same_address;

    #[test]
    fn an_address_may_be_spelled_in_more_than_one_way() {
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21211"),
            ("0.0.0.0:21211", "[::]:21211"),
            (":21211", "[::]:21211"),
            ("localhost:21211", "127.0.0.1:21211"),
            ("127.0.0.1:0", "127.0.0.1:40000"),
        ] {
            assert!(same_address(wanted, found), "{wanted} {found}");
        }
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21212"),
            ("127.0.0.1:21211", "[::]:21211"),
            ("127.0.0.1:21211", "127.0.0.2:21211"),
            ("localhost:21211", "127.0.0.1:1"),
        ] {
            assert!(!same_address(wanted, found), "{wanted} {found}");
        }
    }
}
