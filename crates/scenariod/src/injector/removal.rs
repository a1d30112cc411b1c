//! Takes the toxics of one run off and sees that they are gone. Only names of this run are ever removed.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::{Injector, lock};
use crate::lease::{Lease, RunId};
use crate::machine::Hold;
use crate::plan::Step;
use crate::toxic::ToxicKind;
use crate::toxiproxy::{Client, Placed, Power, Proxy, ToxiproxyError};

/// However short the time allowed, so often is everything tried.
const ROUNDS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
    /// The commands that do by hand what could not be done.
    pub(crate) fn commands(&self) -> Vec<String> {
        let delete = |Suspect { server, toxic, role }: &Suspect| {
            let delete = format!("curl -X DELETE {}/proxies/{server}/toxics/{toxic}", self.url);
            match role {
                Role::Plain => vec![delete],
                Role::Marker => {
                    let enable = r#"-d '{"enabled":true}'"#;
                    vec![format!("curl -X POST {enable} {}/proxies/{server}", self.url), delete]
                }
            }
        };
        self.toxics.iter().flat_map(delete).chain([format!("curl {}/proxies", self.url)]).collect()
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

/// What a toxic of ours is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// Its proxy is disabled by us. It is enabled first: without its marker a disabled proxy would be nobody's.
    Marker,
}

impl Role {
    pub(super) fn of(kind: Option<ToxicKind>) -> Role {
        if kind == Some(ToxicKind::Marker) { Role::Marker } else { Role::Plain }
    }
}

/// In the order of removal.
type Suspects = Vec<Suspect>;

impl Injector {
    /// Removes and reads back until nothing of this run is left, for `budget` and at least a few rounds. Safe to
    /// repeat; never cut short by a signal.
    pub(crate) async fn heal(&self, budget: Duration) -> Result<Hold, Residue> {
        if self.ledger().suspects().is_empty() {
            return Ok(Hold::Held);
        }
        let give_up = Instant::now() + budget;
        let mut pause = FIRST_PAUSE;
        let mut hold = None;
        let mut cause = None;
        let mut left = self.suspects();
        for round in 1_u32.. {
            match self.client.proxies().await {
                Ok(proxies) => {
                    left = self.left(&proxies);
                    hold.get_or_insert_with(|| self.hold(&left, &proxies));
                    self.show_gone(&left);
                    if round > 1 {
                        self.families.set_residual(left.len());
                    }
                    let settled = self.ledger().settled_at().is_none_or(|at| Instant::now() >= at);
                    if left.is_empty() && settled {
                        self.families.set_residual(0);
                        return Ok(hold.unwrap_or(Hold::Held));
                    }
                }
                Err(error) => {
                    // Toxics live in memory only: with nobody there, they are gone already.
                    if matches!(error, ToxiproxyError::Connect { .. }) {
                        hold.get_or_insert(Hold::Lost);
                    }
                    tracing::warn!(%error, run = %self.run, "cannot read what toxiproxy holds, removing all the same");
                    cause = Some(error);
                    // What was read last may be out of date: a late call may have been carried out.
                    left = self.suspects();
                }
            }
            if round > ROUNDS && Instant::now() >= give_up && !left.is_empty() {
                break;
            }
            cause = remove(&self.client, &left).await.or(cause);
            // After a removal no look can tell any more what was there before.
            hold.get_or_insert(Hold::Held);
            if round > 1 {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        self.families.set_residual(left.len());
        Err(Residue { toxics: left, url: self.client.url().to_owned(), cause })
    }

    fn suspects(&self) -> Suspects {
        let suspect = |step: Step| Suspect {
            toxic: step.lease.to_string(),
            server: step.server,
            role: Role::of(Some(step.toxic.kind)),
        };
        self.ledger().suspects().into_iter().map(suspect).collect()
    }

    /// What of this run is on, and proxies that a late call disabled although their marker is gone.
    fn left(&self, proxies: &[Proxy]) -> Suspects {
        let mut left = of_run(proxies, &self.run);
        let marked = |suspect: &Suspect| suspect.role == Role::Marker && is_down(proxies, &suspect.server);
        let orphaned = self.suspects().into_iter().filter(marked).filter(|suspect| !left.contains(suspect));
        let orphaned: Suspects = orphaned.collect();
        left.extend(orphaned);
        left
    }

    fn hold(&self, on: &Suspects, proxies: &[Proxy]) -> Hold {
        let works = |suspect: &&Suspect| suspect.role == Role::Plain || is_down(proxies, &suspect.server);
        let names: Vec<String> = on.iter().filter(works).map(|suspect| suspect.toxic.clone()).collect();
        self.ledger().hold(&names)
    }

    /// Faults none of whose toxics is on any more are shown as off.
    fn show_gone(&self, on: &Suspects) {
        let now = std::time::Instant::now();
        let steps = self.ledger().suspects();
        lock(&self.shown).retain(|&fault| {
            let still = steps.iter().any(|step| {
                step.fault == fault && on.iter().any(|suspect| suspect.toxic == step.lease.to_string())
            });
            if let (false, Some(assigned)) = (still, self.plan.faults.get(fault)) {
                self.families.deactivated(&assigned.server, assigned.course.fault.label(), now);
            }
            still
        });
    }
}

/// One try for each; the last error, if any.
pub(super) async fn remove(client: &Client, suspects: &Suspects) -> Option<ToxiproxyError> {
    let mut failed = None;
    for Suspect { server, toxic, role } in suspects {
        if *role == Role::Marker
            && let Err(error) = client.set_power(server, Power::Enabled).await
        {
            tracing::warn!(%error, "cannot enable a proxy");
            failed = Some(error);
            continue;
        }
        if let Err(error) = client.remove_toxic(server, toxic).await {
            tracing::warn!(%error, "cannot remove a toxic");
            failed = Some(error);
        }
    }
    failed
}

/// The toxics of a run, the last one put on first.
fn of_run(proxies: &[Proxy], run: &RunId) -> Suspects {
    let placed = proxies.iter().flat_map(|proxy| proxy.toxics.iter().map(move |placed| (proxy, placed)));
    let mut ours: Vec<(u32, Suspect)> = placed
        .filter_map(|(proxy, placed)| Lease::parse(&placed.name).map(|lease| (lease, proxy, placed)))
        .filter(|(lease, ..)| lease.run == *run)
        .map(|(lease, proxy, placed)| (lease.step, suspect(proxy, placed)))
        .collect();
    ours.sort_by_key(|(step, _)| std::cmp::Reverse(*step));
    ours.into_iter().map(|(_, suspect)| suspect).collect()
}

pub(super) fn suspect(proxy: &Proxy, placed: &Placed) -> Suspect {
    Suspect {
        server: proxy.name.clone(),
        toxic: placed.name.clone(),
        role: Role::of(placed.toxic.map(|toxic| toxic.kind)),
    }
}

fn is_down(proxies: &[Proxy], server: &str) -> bool {
    proxies.iter().any(|proxy| proxy.name == server && proxy.power == Power::Disabled)
}
