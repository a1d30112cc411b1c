//! Takes the toxics of one run off and sees that they are gone. Only names of this run are ever removed.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::{Injector, lock};
use crate::lease::{Lease, RunId};
use crate::machine::Hold;
use crate::toxiproxy::{Client, Proxy, ToxiproxyError};

/// However short the time allowed, so often is everything tried.
const ROUNDS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Toxics of ours that could not be seen to be gone.
#[derive(Debug)]
pub(crate) struct Residue {
    /// Proxy and toxic.
    pub(crate) toxics: Vec<(String, String)>,
    /// Address of the API.
    pub(crate) url: String,
    /// The last call that failed.
    pub(crate) cause: Option<ToxiproxyError>,
}

impl Residue {
    /// The commands that do by hand what could not be done.
    pub(crate) fn commands(&self) -> Vec<String> {
        let delete = |(proxy, toxic): &(String, String)| {
            format!("curl -X DELETE {}/proxies/{proxy}/toxics/{toxic}", self.url)
        };
        self.toxics.iter().map(delete).chain([format!("curl {}/proxies", self.url)]).collect()
    }
}

impl std::error::Error for Residue {}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> =
            self.toxics.iter().map(|(proxy, toxic)| format!("{toxic} on {proxy}")).collect();
        write!(f, "a fault may still be on: {} could not be seen to be gone", list.join(", "))?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

/// What a look at Toxiproxy or, where it does not answer, at the ledger says is to be removed, in that order.
type Suspects = Vec<(String, String)>;

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
                    left = of_run(&proxies, &self.run);
                    hold.get_or_insert_with(|| self.hold(&left));
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
        self.ledger().suspects().into_iter().map(|step| (step.server, step.lease.to_string())).collect()
    }

    fn hold(&self, on: &Suspects) -> Hold {
        let names: Vec<String> = on.iter().map(|(_, toxic)| toxic.clone()).collect();
        self.ledger().hold(&names)
    }

    /// Faults none of whose toxics is on any more are shown as off.
    fn show_gone(&self, on: &Suspects) {
        let now = std::time::Instant::now();
        let steps = self.ledger().suspects();
        lock(&self.shown).retain(|&fault| {
            let still = steps.iter().any(|step| {
                step.fault == fault && on.iter().any(|(_, name)| *name == step.lease.to_string())
            });
            if let (false, Some(assigned)) = (still, self.plan.faults.get(fault)) {
                self.families.deactivated(&assigned.server, assigned.fault.label(), now);
            }
            still
        });
    }
}

/// One try for each; the last error, if any.
pub(super) async fn remove(client: &Client, suspects: &Suspects) -> Option<ToxiproxyError> {
    let mut failed = None;
    for (proxy, toxic) in suspects {
        if let Err(error) = client.remove_toxic(proxy, toxic).await {
            tracing::warn!(%error, "cannot remove a toxic");
            failed = Some(error);
        }
    }
    failed
}

/// The toxics of a run, the last one put on first.
fn of_run(proxies: &[Proxy], run: &RunId) -> Suspects {
    let placed = proxies.iter().flat_map(|proxy| proxy.toxics.iter().map(|toxic| (&proxy.name, &toxic.name)));
    let mut ours: Vec<(u32, &String, &String)> = placed
        .filter_map(|(proxy, name)| Lease::parse(name).map(|lease| (lease, proxy, name)))
        .filter(|(lease, ..)| lease.run == *run)
        .map(|(lease, proxy, name)| (lease.step, proxy, name))
        .collect();
    ours.sort_by_key(|(step, ..)| std::cmp::Reverse(*step));
    ours.into_iter().map(|(_, proxy, name)| (proxy.clone(), name.clone())).collect()
}
