//! Takes the toxics of one run off and sees that they are gone, within a time that is bounded whatever Toxiproxy does.
//! Only names of this run are ever removed. What comes after that time is up to `ladder`.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::residue::{Residue, Role, Suspect};
use super::{Injector, Spoiled};
use crate::lease::RunId;
use crate::lease::ownership::{is_down, ours};
use crate::lease::step::Step;
use crate::toxiproxy::{Client, Power, Proxy, ToxiproxyError};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Even the last look gets so long.
const LEAST_CALL: Duration = Duration::from_millis(500);
/// Who refuses connections holds no toxics. So long it may take to come back and say so.
const ABSENT: Duration = Duration::from_secs(4);

/// How often it is said that removal goes on.
const REMINDER: Duration = Duration::from_secs(10);

/// In the order of removal.
type Suspects = Vec<Suspect>;

/// Whether all was as wanted before anything was removed; after a removal no look can tell that any more.
pub(super) type Before = Option<Result<(), Spoiled>>;

impl Injector {
    /// Removes and reads back until nothing of this run is left, for `budget`. Safe to repeat; never cut short by a
    /// signal.
    pub(super) async fn remove_within(&self, budget: Duration, before: &mut Before) -> Result<(), Residue> {
        let give_up = Instant::now() + budget;
        let client = self.client();
        let mut pause = FIRST_PAUSE;
        let (mut cause, mut absent) = (None, None);
        let mut said: Option<Instant> = None;
        let mut left = self.suspects();
        for round in 1_u32.. {
            let client = within(client, give_up);
            // How long a later look takes is the removal's doing.
            let read = if before.is_none() { self.timed(&client).await } else { client.proxies().await };
            match read {
                Ok(proxies) => {
                    absent = None;
                    left = self.left(&proxies);
                    before.get_or_insert_with(|| {
                        // A change that was broken off leaves both what it took away and what it put on open.
                        let open = self.ledger().suspects();
                        self.judge(&proxies, &open).and_then(|()| self.unstalled())
                    });
                    self.show_gone(&left);
                    if round > 1 {
                        self.families().set_residual(left.len());
                    }
                    let settled = self.ledger().settled_at().is_none_or(|at| Instant::now() >= at);
                    if left.is_empty() && settled {
                        self.families().set_residual(0);
                        self.write_off(&left);
                        self.restore(&proxies).await;
                        return Ok(());
                    }
                }
                Err(error) => {
                    if matches!(error, ToxiproxyError::Connect { .. }) {
                        before.get_or_insert_with(|| Err(Spoiled::Unreachable(error.clone())));
                        absent.get_or_insert_with(Instant::now);
                    }
                    tracing::warn!(%error, run = %self.run(), "cannot read what toxiproxy holds, removing all the same");
                    cause = Some(error);
                    // What was read last may be out of date: a late call may have been carried out.
                    left = self.suspects();
                    self.families().set_residual(left.len());
                }
            }
            let gone = absent.is_some_and(|since: Instant| since.elapsed() >= ABSENT);
            if (gone || Instant::now() >= give_up) && !left.is_empty() {
                break;
            }
            if let Some(cause) = &cause
                && said.is_none_or(|at| at.elapsed() >= REMINDER)
            {
                said = Some(Instant::now());
                let rest = give_up.saturating_duration_since(Instant::now()).as_secs();
                self.say(format!("still removing {}, giving up in {rest} s: {cause}", toxics(left.len())));
            }
            if absent.is_none() {
                cause = remove(&client, &left, give_up).await.or(cause);
                before.get_or_insert_with(|| self.unstalled());
            }
            if round > 1 || absent.is_some() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        self.families().set_residual(left.len());
        self.write_off(&left);
        Err(Residue { toxics: left, url: client.url().to_owned(), cause })
    }

    pub(super) fn suspects(&self) -> Suspects {
        let suspect = |step: Step| Suspect {
            toxic: step.lease.to_string(),
            server: step.server,
            role: Role::of(Some(step.toxic.kind)),
        };
        self.ledger().suspects().into_iter().map(suspect).collect()
    }

    /// Writes down as removed what is not among `left`.
    fn write_off(&self, left: &Suspects) {
        let steps = self.ledger().suspects();
        for step in steps {
            let toxic = step.lease.to_string();
            if !left.iter().any(|suspect| suspect.toxic == toxic) {
                self.ledger().gone(&step);
                self.journal().removed(&step.server, &toxic);
            }
        }
    }

    /// What of this run is on, and proxies that a late call disabled although their marker is gone.
    fn left(&self, proxies: &[Proxy]) -> Suspects {
        let mut left = of_run(proxies, self.run());
        let marked = |suspect: &Suspect| suspect.role == Role::Marker && is_down(proxies, &suspect.server);
        let orphaned = self.suspects().into_iter().filter(marked).filter(|suspect| !left.contains(suspect));
        let orphaned: Suspects = orphaned.collect();
        left.extend(orphaned);
        left
    }

    /// Faults none of whose toxics is on any more are shown as off.
    fn show_gone(&self, on: &Suspects) {
        let now = std::time::Instant::now();
        let steps = self.ledger().suspects();
        self.shown.lock().retain(|&fault| {
            let still = steps.iter().any(|step| {
                step.fault == fault && on.iter().any(|suspect| suspect.toxic == step.lease.to_string())
            });
            if let (false, Some(assigned)) = (still, self.plan.faults.get(fault)) {
                self.families().deactivated(&assigned.server, assigned.course.fault.label(), now);
            }
            still
        });
    }
}

fn toxics(count: usize) -> String {
    if count == 1 { "1 toxic".to_owned() } else { format!("{count} toxics") }
}

/// The client for what time is left.
fn within(client: &Client, give_up: Instant) -> Client {
    client.with_limit(give_up.saturating_duration_since(Instant::now()).max(LEAST_CALL))
}

/// One try for each, every proxy's at the same time; the last error, if any.
pub(crate) async fn remove(
    client: &Client,
    suspects: &[Suspect],
    give_up: Instant,
) -> Option<ToxiproxyError> {
    let mut chains: BTreeMap<&str, Suspects> = BTreeMap::new();
    for suspect in suspects {
        chains.entry(&suspect.server).or_default().push(suspect.clone());
    }
    let mut calls = JoinSet::new();
    for chain in chains.into_values() {
        let (client, chain) = (client.clone(), in_order(chain));
        calls.spawn(async move { remove_chain(&client, &chain, give_up).await });
    }
    let mut failed = None;
    while let Some(ended) = calls.join_next().await {
        failed = ended.unwrap_or_default().or(failed);
    }
    failed
}

/// The toxics of one proxy, given with the last one put on first, in the order that does not wedge Toxiproxy.
fn in_order(chain: Suspects) -> Suspects {
    let (closing, mut order): (Suspects, Suspects) =
        chain.into_iter().partition(|suspect| suspect.role == Role::Closing);
    order.extend(closing.into_iter().rev());
    order
}

/// The toxics of one proxy, one after the other. A call without an answer holds the lock that the next one needs.
async fn remove_chain(client: &Client, chain: &[Suspect], give_up: Instant) -> Option<ToxiproxyError> {
    let mut failed = None;
    for Suspect { server, toxic, role } in chain {
        let client = within(client, give_up);
        if *role == Role::Marker
            && let Err(error) = client.set_power(server, Power::Enabled).await
        {
            tracing::warn!(%error, "cannot enable a proxy");
            failed = Some(error);
            continue;
        }
        if let Err(error) = client.remove_toxic(server, toxic).await {
            tracing::warn!(%error, "cannot remove a toxic");
            let silent = matches!(error, ToxiproxyError::TimedOut { .. } | ToxiproxyError::Connect { .. });
            failed = Some(error);
            if silent {
                break;
            }
        }
    }
    failed
}

/// The toxics of a run, the last one put on first.
fn of_run(proxies: &[Proxy], run: &RunId) -> Suspects {
    let mut ours = ours(proxies);
    ours.retain(|found| found.lease.run == *run);
    ours.sort_by_key(|found| std::cmp::Reverse(found.lease.step));
    ours.iter().map(Suspect::from).collect()
}
