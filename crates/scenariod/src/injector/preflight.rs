//! Prepares Toxiproxy before anything is measured: removes leftovers, creates missing proxies, and refuses to start next to
//! other people's toxics or disabled proxies. Those are named and never changed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::address::{conflicts, same_address};
use super::findings::{Obstacle, PreflightNote, Refusal};
use super::removal::{ReadBack, Removal, RemovalLimit, remove_until_gone};
use super::residue::{Role, Suspect};
use super::retry::{TRIES, retry};
use super::{ForeignToxics, Injector, InjectorParts};
use crate::lease::Lease;
use crate::lease::ownership::{Liveness, Sighting, separate_leftovers};
use crate::state::journal::complete_journals;
use crate::state::{ClaimError, StateDir};
use crate::toxiproxy::{Client, NewProxy, Power, Proxy};

/// How long one round of removing leftovers may take.
const ROUND: Duration = Duration::from_secs(10);

/// What a preflight needs to know.
#[derive(Debug)]
pub(crate) struct PreflightContext<'a> {
    /// The lab's nodes.
    pub(crate) servers: &'a [NewProxy],
    pub(crate) state: &'a StateDir,
    /// Seconds since the epoch.
    pub(crate) now: u64,
    pub(crate) foreign: ForeignToxics,
}

impl Injector {
    /// Prepares Toxiproxy for this run, or says why it cannot start. `now` is in seconds since the epoch.
    pub(crate) async fn preflight(
        &self,
        now: u64,
        stop: &CancellationToken,
    ) -> Result<Vec<PreflightNote>, Refusal> {
        self.claim_proxies()?;
        let InjectorParts { servers, state, foreign, .. } = &self.parts;
        let context = PreflightContext { servers, state, now, foreign: *foreign };
        let mut notes = Vec::new();
        let proxies = remove_leftovers(self.client(), &context, stop, &mut notes).await?;
        let cut_off = complete_journals(state, self.client().url(), &proxies);
        notes.extend(cut_off.into_iter().map(PreflightNote::CutOff));
        let obstacles = find_obstacles(&proxies, &context, &mut notes);
        if !obstacles.is_empty() {
            return Err(Refusal::Obstacles(obstacles));
        }
        *self.snapshot.lock() = self.create_missing(proxies, stop, &mut notes).await?;
        self.restarts.store(self.client().restarts(), Ordering::Relaxed);
        Ok(notes)
    }

    /// Claims every node of the lab: a fault of another run on any of them would make this run inconclusive.
    fn claim_proxies(&self) -> Result<(), Refusal> {
        for server in self.parts.servers.iter().map(|server| &server.name) {
            match self.parts.state.claim(self.client().url(), server, self.run()) {
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

    /// Creates the lab's proxies that Toxiproxy does not have. Gives every proxy.
    async fn create_missing(
        &self,
        proxies: Vec<Proxy>,
        stop: &CancellationToken,
        notes: &mut Vec<PreflightNote>,
    ) -> Result<Vec<Proxy>, Refusal> {
        let missing = |server: &&NewProxy| !proxies.iter().any(|proxy| proxy.name == server.name);
        let missing: Vec<&NewProxy> = self.parts.servers.iter().filter(missing).collect();
        if missing.is_empty() {
            return Ok(proxies);
        }
        for server in missing {
            let NewProxy { name, listen, upstream } = server.clone();
            let created = retry(stop, || self.client().create_proxy(server)).await.ok_or(Refusal::Stopped)?;
            let failed = |cause| Refusal::Proxy { server: name.clone(), listen: listen.clone(), cause };
            created.map_err(failed)?;
            notes.push(PreflightNote::ProxyCreated { server: name, listen, upstream });
        }
        Ok(retry(stop, || self.client().proxies()).await.ok_or(Refusal::Stopped)??)
    }
}

/// What `preflight` would find and refuse. Changes nothing.
pub(crate) async fn inspect(
    client: &Client,
    context: &PreflightContext<'_>,
    stop: &CancellationToken,
) -> Result<Vec<PreflightNote>, Refusal> {
    // A run also checks the claims first, before it calls Toxiproxy.
    for server in context.servers.iter().map(|server| &server.name) {
        if let Some(run) = context.state.claim_holder(client.url(), server) {
            let held = Obstacle::Claimed { server: server.clone(), run: Some(run) };
            return Err(Refusal::Obstacles(vec![held]));
        }
    }
    let mut proxies = retry(stop, || client.proxies()).await.ok_or(Refusal::Stopped)??;
    let mut notes = Vec::new();
    for (Suspect { server, toxic, role }, liveness) in find_leftovers(&proxies, context) {
        for proxy in proxies.iter_mut().filter(|proxy| proxy.name == server) {
            proxy.toxics.retain(|found| found.name != toxic);
            if role == Role::Marker {
                proxy.power = Power::Enabled;
            }
        }
        notes.push(PreflightNote::Leftover { server, toxic, liveness });
    }
    let obstacles = find_obstacles(&proxies, context, &mut notes);
    if !obstacles.is_empty() {
        return Err(Refusal::Obstacles(obstacles));
    }
    let missing =
        context.servers.iter().filter(|server| !proxies.iter().any(|proxy| proxy.name == server.name));
    notes.extend(missing.map(|server| PreflightNote::ProxyMissing { server: server.name.clone() }));
    Ok(notes)
}

/// Removes the leftovers of other runs. Gives every proxy as read afterwards.
async fn remove_leftovers(
    client: &Client,
    context: &PreflightContext<'_>,
    stop: &CancellationToken,
    notes: &mut Vec<PreflightNote>,
) -> Result<Vec<Proxy>, Refusal> {
    let mut removal = LeftoverRemoval { client, context, stop, proxies: Vec::new() };
    let found = removal.read().await?;
    let first = ReadBack::of_suspects(found.iter().map(|(suspect, _)| suspect.clone()).collect());
    let limit = RemovalLimit::Rounds { count: TRIES, length: ROUND };
    remove_until_gone(client, &mut removal, first, limit).await?;
    let removed = |(Suspect { server, toxic, .. }, liveness)| PreflightNote::LeftoverRemoved {
        server,
        toxic,
        liveness,
    };
    notes.extend(found.into_iter().map(removed));
    Ok(removal.proxies)
}

/// The removal of leftovers while it is in progress.
struct LeftoverRemoval<'a> {
    client: &'a Client,
    context: &'a PreflightContext<'a>,
    stop: &'a CancellationToken,
    /// As last read.
    proxies: Vec<Proxy>,
}

impl LeftoverRemoval<'_> {
    async fn read(&mut self) -> Result<Vec<(Suspect, Liveness)>, Refusal> {
        self.proxies = retry(self.stop, || self.client.proxies()).await.ok_or(Refusal::Stopped)??;
        Ok(find_leftovers(&self.proxies, self.context))
    }
}

impl Removal for LeftoverRemoval<'_> {
    type Error = Refusal;

    async fn read_back(&mut self) -> Result<ReadBack, Refusal> {
        let left = self.read().await?;
        Ok(ReadBack::of_suspects(left.into_iter().map(|(suspect, _)| suspect).collect()))
    }
}

/// The leftovers in the order of removal, each with the state of its run.
fn find_leftovers(proxies: &[Proxy], context: &PreflightContext<'_>) -> Vec<(Suspect, Liveness)> {
    let liveness = |run: &_| context.state.liveness(run);
    let toxics = separate_leftovers(proxies, liveness, |_| Sighting::first_at(context.now));
    toxics.leftovers.iter().map(|(found, liveness)| (Suspect::from(found), *liveness)).collect()
}

fn find_obstacles(
    proxies: &[Proxy],
    context: &PreflightContext<'_>,
    notes: &mut Vec<PreflightNote>,
) -> Vec<Obstacle> {
    let mut obstacles = find_taken(proxies, context.servers);
    for proxy in proxies {
        let Some(wanted) = context.servers.iter().find(|server| server.name == proxy.name) else { continue };
        let server = proxy.name.clone();
        if !same_address(&wanted.listen, &proxy.listen) || wanted.upstream != proxy.upstream {
            let found = (proxy.listen.clone(), proxy.upstream.clone());
            let wanted = (wanted.listen.clone(), wanted.upstream.clone());
            obstacles.push(Obstacle::Elsewhere { server: server.clone(), found, wanted });
        }
        if proxy.power == Power::Disabled {
            obstacles.push(Obstacle::Disabled { server: server.clone() });
        }
        for found in &proxy.toxics {
            let (server, toxic) = (server.clone(), found.name.clone());
            match (Lease::parse(&toxic), context.foreign) {
                (Some(lease), ..) => {
                    let other = Obstacle::OtherRun {
                        server,
                        run: lease.run.to_string(),
                        seconds_left: lease.deadline.saturating_sub(context.now),
                    };
                    // A run may have many toxics on a node: one line is enough.
                    if !obstacles.contains(&other) {
                        obstacles.push(other);
                    }
                }
                (None, ForeignToxics::Refuse) => {
                    obstacles.push(Obstacle::Foreign { server, toxic, kind: found.kind.clone() });
                }
                (None, ForeignToxics::Allow) => notes.push(PreflightNote::ForeignAllowed { server, toxic }),
            }
        }
    }
    obstacles
}

/// The addresses of missing proxies at which other proxies listen.
fn find_taken(proxies: &[Proxy], servers: &[NewProxy]) -> Vec<Obstacle> {
    let is_missing = |server: &&NewProxy| !proxies.iter().any(|proxy| proxy.name == server.name);
    let taken = |server: &NewProxy| {
        // A disabled proxy does not listen.
        let listening = proxies.iter().filter(|proxy| proxy.power == Power::Enabled);
        let other = listening.into_iter().find(|proxy| conflicts(&server.listen, &proxy.listen))?;
        let (server, listen, by) = (server.name.clone(), server.listen.clone(), other.name.clone());
        Some(Obstacle::ListenTaken { server, listen, by })
    };
    servers.iter().filter(is_missing).filter_map(taken).collect()
}
