//! The removal of all toxics of one run. Only names of this run are removed. `healing` decides what follows when it fails.

use std::time::Duration;

use tokio::time::Instant;

use super::removal::{NextStep, ReadBack, Removal, RemovalLimit, limit_calls, remove_until_gone};
use super::residue::{Residue, Role, Suspect};
use super::{Disturbance, Injector};
use crate::lease::RunId;
use crate::lease::leased_toxic::LeasedToxic;
use crate::lease::ownership::{find_lab_toxics, is_disabled};
use crate::toxiproxy::{Proxy, ToxiproxyError};

/// A Toxiproxy that refuses connections holds no toxics. This is how long it may take to come back and show it.
const ABSENCE: Duration = Duration::from_secs(4);
/// How often a line says that removal goes on.
const REMINDER: Duration = Duration::from_secs(10);

/// Whether all was as wanted before the removal. No reading can show that once something is removed. `None`: not known
/// yet.
pub(super) type CheckBeforeRemoval = Option<Result<(), Disturbance>>;

/// The removal of a run's toxics while it is in progress.
struct RunRemoval<'a> {
    injector: &'a Injector,
    deadline: Instant,
    before: &'a mut CheckBeforeRemoval,
    /// How often it was read.
    readings: u32,
    absent_since: Option<Instant>,
    reminded_at: Option<Instant>,
    /// As last read.
    proxies: Vec<Proxy>,
}

impl Injector {
    /// Removes and reads back until nothing of this run is left, for `budget`. May be repeated; no signal ends it early.
    pub(super) async fn remove_within(
        &self,
        budget: Duration,
        before: &mut CheckBeforeRemoval,
    ) -> Result<(), Residue> {
        let deadline = Instant::now() + budget;
        let mut removal = RunRemoval {
            injector: self,
            deadline,
            before,
            readings: 0,
            absent_since: None,
            reminded_at: None,
            proxies: Vec::new(),
        };
        let first = removal.read_back().await?;
        let limit = RemovalLimit::Deadline(deadline);
        let removed = remove_until_gone(self.client(), &mut removal, first, limit).await;
        let left = removed.as_ref().err().map_or(&[][..], |residue| &residue.toxics);
        self.families().set_residual(left.len());
        self.record_removed(left);
        if removed.is_ok() {
            self.restore_proxies(&removal.proxies).await;
        }
        removed
    }

    /// The toxics that may be on, as the ledger says.
    fn suspects(&self) -> Vec<Suspect> {
        let suspect = |leased: LeasedToxic| Suspect {
            toxic: leased.lease.to_string(),
            server: leased.server,
            role: Role::of_kind(Some(leased.toxic.kind)),
        };
        self.ledger().suspects().into_iter().map(suspect).collect()
    }

    /// Records every toxic as removed that is not among `left`.
    fn record_removed(&self, left: &[Suspect]) {
        let suspects = self.ledger().suspects();
        for leased in suspects {
            let toxic = leased.lease.to_string();
            if !left.iter().any(|suspect| suspect.toxic == toxic) {
                self.ledger().seen_gone(&leased);
                self.journal().record_removed(&leased.server, &toxic);
            }
        }
    }

    /// The toxics of this run that are there, and markers that are gone but whose proxy a late call has disabled.
    fn find_left(&self, proxies: &[Proxy]) -> Vec<Suspect> {
        let mut left = find_run_toxics(proxies, self.run());
        let mut orphans = self.suspects();
        orphans.retain(|suspect| {
            suspect.role == Role::Marker && is_disabled(proxies, &suspect.server) && !left.contains(suspect)
        });
        left.append(&mut orphans);
        left
    }

    /// Exports a fault as off once none of its toxics is left.
    fn show_removed_faults(&self, left: &[Suspect]) {
        let now = std::time::Instant::now();
        let suspects = self.ledger().suspects();
        self.active_faults.lock().retain(|&fault| {
            let active = suspects.iter().any(|leased| {
                leased.fault == fault && left.iter().any(|suspect| suspect.toxic == leased.lease.to_string())
            });
            if let (false, Some(assigned)) = (active, self.plan.faults.get(fault)) {
                self.families().deactivated(&assigned.server, assigned.course.fault.label(), now);
            }
            active
        });
    }
}

impl RunRemoval<'_> {
    async fn read(&self) -> Result<Vec<Proxy>, ToxiproxyError> {
        let client = limit_calls(self.injector.client(), self.deadline);
        // Once removal has begun, its own calls slow Toxiproxy down: that wait does not count.
        if self.before.is_none() { self.injector.read_timed(&client).await } else { client.proxies().await }
    }

    fn after_reading(&mut self, proxies: Vec<Proxy>) -> ReadBack {
        let injector = self.injector;
        self.absent_since = None;
        let left = injector.find_left(&proxies);
        self.before.get_or_insert_with(|| {
            // After a change that was cut short, what it removed and what it added may both be there.
            let optional = injector.ledger().suspects();
            injector.check(&proxies, &optional).and_then(|()| injector.check_silence())
        });
        injector.show_removed_faults(&left);
        if self.readings > 1 {
            injector.families().set_residual(left.len());
        }
        self.proxies = proxies;
        let settled = injector.ledger().settled_at().is_none_or(|at| Instant::now() >= at);
        let next = if left.is_empty() && settled { NextStep::Finish } else { NextStep::Remove };
        ReadBack { left, next, error: None }
    }

    fn after_error(&mut self, error: ToxiproxyError) -> ReadBack {
        let injector = self.injector;
        if matches!(error, ToxiproxyError::Connect { .. }) {
            self.before.get_or_insert_with(|| Err(Disturbance::Unreachable(error.clone())));
            self.absent_since.get_or_insert_with(Instant::now);
        }
        tracing::warn!(%error, run = %injector.run(), "cannot read what toxiproxy holds, removing all the same");
        // What was read last may be out of date: a late call may have been carried out since.
        let left = injector.suspects();
        injector.families().set_residual(left.len());
        let next = match self.absent_since {
            Some(since) if since.elapsed() >= ABSENCE => NextStep::GiveUp,
            Some(_) => NextStep::Wait,
            None => NextStep::Remove,
        };
        ReadBack { left, next, error: Some(error) }
    }
}

impl Removal for RunRemoval<'_> {
    type Error = Residue;

    async fn read_back(&mut self) -> Result<ReadBack, Residue> {
        self.readings += 1;
        Ok(match self.read().await {
            Ok(proxies) => self.after_reading(proxies),
            Err(error) => self.after_error(error),
        })
    }

    fn before_round(&mut self, left: &[Suspect], cause: Option<&ToxiproxyError>) {
        self.before.get_or_insert_with(|| self.injector.check_silence());
        let Some(cause) = cause else { return };
        if self.reminded_at.is_none_or(|at| at.elapsed() >= REMINDER) {
            self.reminded_at = Some(Instant::now());
            let rest = self.deadline.saturating_duration_since(Instant::now()).as_secs();
            let toxics = if left.len() == 1 { "toxic" } else { "toxics" };
            let count = left.len();
            self.injector.say(format!("still removing {count} {toxics}, giving up in {rest} s: {cause}"));
        }
    }
}

/// The toxics of a run. The last one added comes first.
fn find_run_toxics(proxies: &[Proxy], run: &RunId) -> Vec<Suspect> {
    let mut found = find_lab_toxics(proxies);
    found.retain(|found| found.lease.run == *run);
    found.sort_by_key(|found| std::cmp::Reverse(found.lease.step));
    found.iter().map(Suspect::from).collect()
}
