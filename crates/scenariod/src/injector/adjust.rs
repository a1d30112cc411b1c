//! Makes what is on what the timeline wants at a moment of testing, and sees that it is so.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::removal::remove;
use super::residue::{Role, Suspect};
use super::{InjectError, Injector, Spoiled, has, retry};
use crate::lease::Lease;
use crate::lease::step::Step;
use crate::plan::reconcile::{Change, changes};
use crate::state::journal::JournalError;
use crate::toxiproxy::{Proxy, ToxiproxyError};

/// One try to take a single toxic off, its proxy opened first where that is needed.
const REMOVAL: Duration = Duration::from_secs(6);

impl Injector {
    /// Brings about what is wanted after `elapsed` of testing. What somebody else took off is not put on again: the run
    /// then proves nothing.
    pub(crate) async fn adjust(
        &self,
        elapsed: Duration,
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let proxies = self.read_back(stop).await?;
        self.judge(&proxies, &[])?;
        self.unstalled()?;
        self.apply(elapsed, stop).await
    }

    /// After an error some of it may be done.
    pub(super) async fn apply(&self, elapsed: Duration, stop: &CancellationToken) -> Result<(), InjectError> {
        let on = self.ledger().answered();
        let (mut removed, mut changed) = (Vec::new(), Vec::new());
        let changes = changes(&on, &self.plan.desired_toxics(elapsed));
        let mut new = self.name(&changes).into_iter();
        self.intend(new.as_slice().to_vec()).await?;
        for change in changes {
            match change {
                Change::Remove(step) => {
                    self.take(&step, stop).await?;
                    removed.push(step);
                }
                Change::Update(step) => {
                    self.update(&step, stop).await?;
                    changed.push(step.lease.to_string());
                }
                Change::Add { .. } => {
                    if let Some(step) = new.next() {
                        self.put(&step, stop).await?;
                        changed.push(step.lease.to_string());
                    }
                }
            }
        }
        let proxies = self.read_back(stop).await?;
        self.judge(&proxies, &removed).map_err(|spoiled| match spoiled {
            Spoiled::Gone { server, toxic } if changed.contains(&toxic) => {
                InjectError::NotThere { server, toxic }
            }
            spoiled => spoiled.into(),
        })?;
        for step in &removed {
            let (server, toxic) = (step.server.clone(), step.lease.to_string());
            if has(step, &proxies) {
                return Err(InjectError::StillThere { server, toxic });
            }
            self.ledger().gone(step);
            self.journal().removed(&server, &toxic);
        }
        self.show(elapsed);
        Ok(self.unstalled()?)
    }

    /// The steps that the changes add, in their order.
    fn name(&self, changes: &[Change]) -> Vec<Step> {
        let step = |change: &Change| match change {
            Change::Add { fault, server, toxic } => {
                Some(Step { server: server.clone(), lease: self.lease(), toxic: *toxic, fault: *fault })
            }
            Change::Remove(_) | Change::Update(_) => None,
        };
        changes.iter().filter_map(step).collect()
    }

    /// A disk takes its time: no other task waits for it.
    async fn intend(&self, steps: Vec<Step>) -> Result<(), JournalError> {
        let journal = std::sync::Arc::clone(self.journal());
        let written = tokio::task::spawn_blocking(move || journal.intend(&steps)).await;
        written.unwrap_or_else(|broken| Err(self.journal().broken(broken)))
    }

    async fn read_back(&self, stop: &CancellationToken) -> Result<Vec<Proxy>, InjectError> {
        let read = self.read(stop).await.ok_or(InjectError::Stopped)?;
        read.map_err(|error| self.unstalled().err().map_or(InjectError::ReadBack(error), InjectError::from))
    }

    fn lease(&self) -> Lease {
        let mut naming = self.naming.lock();
        let step = naming.next;
        naming.next += 1;
        Lease { run: self.run().clone(), step, deadline: naming.deadline }
    }

    async fn take(&self, step: &Step, stop: &CancellationToken) -> Result<(), InjectError> {
        let (server, toxic) = (step.server.clone(), step.lease.to_string());
        let suspect = vec![Suspect { server, toxic, role: Role::of(Some(step.toxic.kind)) }];
        let answer = retry(stop, || async {
            let give_up = Instant::now() + REMOVAL;
            remove(self.client(), &suspect, give_up).await.map_or(Ok(()), Err)
        });
        answer.await.ok_or(InjectError::Stopped)?.map_err(changing(step))?;
        self.ledger().leaving(step);
        Ok(())
    }

    async fn update(&self, step: &Step, stop: &CancellationToken) -> Result<(), InjectError> {
        let name = step.lease.to_string();
        self.ledger().update(step);
        let answer = retry(stop, || self.client().update_toxic(&step.server, &name, &step.toxic));
        answer.await.ok_or(InjectError::Stopped)?.map_err(changing(step))
    }

    /// Shows each fault as it is now wanted.
    fn show(&self, elapsed: Duration) {
        let now = std::time::Instant::now();
        let mut shown = self.shown.lock();
        for (fault, assigned) in self.plan.faults.iter().enumerate() {
            let label = assigned.course.fault.label();
            let at = assigned.course.at(elapsed, self.plan.phases.testing);
            match at {
                Some(at) => self.families().activated(&assigned.server, label, &at.params(), now),
                None => self.families().deactivated(&assigned.server, label, now),
            }
            shown.retain(|&other| other != fault);
            shown.extend(at.map(|_| fault));
        }
    }
}

fn changing(step: &Step) -> impl FnOnce(ToxiproxyError) -> InjectError {
    let (server, toxic) = (step.server.clone(), step.lease.to_string());
    |cause| InjectError::Change { server, toxic, cause }
}
