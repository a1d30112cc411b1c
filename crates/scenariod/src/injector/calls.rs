//! The calls that add, change and remove one toxic of a run. Each is repeated where that helps, and the ledger knows of it
//! beforehand. After an error the toxic may be on.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::removal::remove_once;
use super::residue::{Role, Suspect};
use super::retry::retry;
use super::{InjectError, Injector};
use crate::fault::toxic::ToxicKind;
use crate::lease::leased_toxic::LeasedToxic;
use crate::toxiproxy::{Power, ToxiproxyError};

/// The limit of one try to remove a single toxic, including the call that enables its proxy.
const REMOVAL: Duration = Duration::from_secs(6);

impl Injector {
    pub(super) async fn add(
        &self,
        leased: &LeasedToxic,
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let name = leased.lease.to_string();
        let name = name.as_str();
        let added = retry(stop, move || async move {
            self.ledger().request(leased);
            let added = self.client().add_toxic(&leased.server, name, &leased.toxic).await;
            match &added {
                Err(error) if error.may_have_applied() => self.ledger().unanswered(leased, Instant::now()),
                Err(_) => self.ledger().rejected(leased),
                Ok(()) => {
                    self.ledger().added(leased);
                    self.journal().record_applied(&leased.server, name);
                }
            }
            added
        });
        let failed = |cause| match (&cause, self.plan.faults.get(leased.fault)) {
            // Toxiproxy does not list its toxic types: only trying shows whether it has one.
            (ToxiproxyError::Refused { status: 400, .. }, Some(assigned))
                if matches!(leased.toxic.kind, ToxicKind::DropChunks { .. }) =>
            {
                InjectError::Unsupported { fault: assigned.course.fault.label() }
            }
            _ => InjectError::Add { server: leased.server.clone(), toxic: name.to_owned(), cause },
        };
        added.await.ok_or(InjectError::Stopped)?.map_err(failed)?;
        if leased.toxic.kind == ToxicKind::Marker { self.disable(leased, stop).await } else { Ok(()) }
    }

    /// Disables the proxy of a marker. Toxiproxy has accepted the marker by then: it shows whose doing this is.
    async fn disable(&self, marker: &LeasedToxic, stop: &CancellationToken) -> Result<(), InjectError> {
        let disabled = retry(stop, move || async move {
            let disabled = self.client().set_power(&marker.server, Power::Disabled).await;
            if disabled.as_ref().is_err_and(ToxiproxyError::may_have_applied) {
                self.ledger().unanswered(marker, Instant::now());
            }
            disabled
        });
        let failed = |cause| InjectError::Disable { server: marker.server.clone(), cause };
        disabled.await.ok_or(InjectError::Stopped)?.map_err(failed)
    }

    pub(super) async fn update(
        &self,
        leased: &LeasedToxic,
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let name = leased.lease.to_string();
        self.ledger().update(leased);
        let updated = retry(stop, || self.client().update_toxic(&leased.server, &name, &leased.toxic));
        updated.await.ok_or(InjectError::Stopped)?.map_err(change_failed(leased))
    }

    /// Removes a toxic. The caller reads back.
    pub(super) async fn remove(
        &self,
        leased: &LeasedToxic,
        stop: &CancellationToken,
    ) -> Result<(), InjectError> {
        let (server, toxic) = (leased.server.clone(), leased.lease.to_string());
        let suspect = vec![Suspect { server, toxic, role: Role::of_kind(Some(leased.toxic.kind)) }];
        let removed = retry(stop, || async {
            remove_once(self.client(), &suspect, Instant::now() + REMOVAL).await.map_or(Ok(()), Err)
        });
        removed.await.ok_or(InjectError::Stopped)?.map_err(change_failed(leased))?;
        self.ledger().removal_answered(leased);
        Ok(())
    }
}

fn change_failed(leased: &LeasedToxic) -> impl FnOnce(ToxiproxyError) -> InjectError {
    let (server, toxic) = (leased.server.clone(), leased.lease.to_string());
    |cause| InjectError::Change { server, toxic, cause }
}
