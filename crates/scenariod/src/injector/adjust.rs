//! Makes the toxics of a run what its timeline wants at a moment of testing, and reads them back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::presence::is_listed;
use super::{Disturbance, InjectError, Injector};
use crate::lease::leased_toxic::LeasedToxic;
use crate::plan::reconcile::{Change, changes};
use crate::state::journal::JournalError;
use crate::toxiproxy::Proxy;

impl Injector {
    /// Adds the toxics of the start of testing and reads them back. Their leases end at `deadline`, in seconds since the
    /// epoch. After an error some of them may be on.
    pub(crate) async fn inject(&self, deadline: u64, stop: &CancellationToken) -> Result<(), InjectError> {
        self.leases.lock().deadline = deadline;
        self.apply(Duration::ZERO, stop).await
    }

    /// Makes the toxics what is wanted after `elapsed` of testing. A toxic that somebody else has removed is not added
    /// again: the run is inconclusive then.
    pub(crate) async fn adjust(
        &self,
        elapsed: Duration,
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let proxies = self.read_back(stop).await?;
        self.check(&proxies, &[])?;
        self.check_silence()?;
        self.apply(elapsed, stop).await
    }

    /// After an error some of the changes may be done.
    async fn apply(&self, elapsed: Duration, stop: &CancellationToken) -> Result<(), InjectError> {
        let on = self.ledger().known_on();
        let (mut removed, mut changed) = (Vec::new(), Vec::new());
        let changes = changes(&on, &self.plan.desired_toxics(elapsed));
        let mut new = self.issue_leases(&changes).into_iter();
        self.record_intents(new.as_slice().to_vec()).await?;
        for change in changes {
            match change {
                Change::Remove(leased) => {
                    self.remove(&leased, stop).await?;
                    removed.push(leased);
                }
                Change::Update(leased) => {
                    self.update(&leased, stop).await?;
                    changed.push(leased.lease.to_string());
                }
                Change::Add { .. } => {
                    if let Some(leased) = new.next() {
                        self.add(&leased, stop).await?;
                        changed.push(leased.lease.to_string());
                    }
                }
            }
        }
        self.verify(&removed, &changed, stop).await?;
        self.show_faults(elapsed);
        Ok(self.check_silence()?)
    }

    /// Reads back that the removed toxics are gone and all others are as wanted. `changed` names those just added or
    /// updated.
    async fn verify(
        &self,
        removed: &[LeasedToxic],
        changed: &[String],
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let proxies = self.read_back(stop).await?;
        self.check(&proxies, removed).map_err(|disturbance| match disturbance {
            Disturbance::Gone { server, toxic } if changed.contains(&toxic) => {
                InjectError::NotThere { server, toxic }
            }
            disturbance => disturbance.into(),
        })?;
        for leased in removed {
            let (server, toxic) = (leased.server.clone(), leased.lease.to_string());
            if is_listed(leased, &proxies) {
                return Err(InjectError::StillThere { server, toxic });
            }
            self.ledger().seen_gone(leased);
            self.journal().record_removed(&server, &toxic);
        }
        Ok(())
    }

    /// The toxics that the changes add, in their order, each with a new lease.
    fn issue_leases(&self, changes: &[Change]) -> Vec<LeasedToxic> {
        let leased = |change: &Change| match change {
            Change::Add { fault, server, toxic } => {
                let lease = self.leases.lock().issue(self.run());
                Some(LeasedToxic { server: server.clone(), lease, toxic: *toxic, fault: *fault })
            }
            Change::Remove(_) | Change::Update(_) => None,
        };
        changes.iter().filter_map(leased).collect()
    }

    /// Writes to the disk on a thread of its own: no other task waits for it.
    async fn record_intents(&self, toxics: Vec<LeasedToxic>) -> Result<(), JournalError> {
        let journal = Arc::clone(self.journal());
        let written = tokio::task::spawn_blocking(move || journal.record_intents(&toxics)).await;
        written.unwrap_or_else(|error| Err(self.journal().write_error(error)))
    }

    async fn read_back(&self, stop: &CancellationToken) -> Result<Vec<Proxy>, InjectError> {
        let read = self.read(stop).await.ok_or(InjectError::Stopped)?;
        read.map_err(|error| {
            self.check_silence().err().map_or(InjectError::ReadBack(error), InjectError::from)
        })
    }

    /// Exports each fault as it is wanted after `elapsed` of testing.
    fn show_faults(&self, elapsed: Duration) {
        let now = Instant::now();
        let mut active = self.active_faults.lock();
        for (fault, assigned) in self.plan.faults.iter().enumerate() {
            let label = assigned.course.fault.label();
            let at = assigned.course.at(elapsed, self.plan.phases.testing);
            match at {
                Some(at) => self.families().activated(&assigned.server, label, &at.params(), now),
                None => self.families().deactivated(&assigned.server, label, now),
            }
            active.retain(|&other| other != fault);
            active.extend(at.map(|_| fault));
        }
    }
}
