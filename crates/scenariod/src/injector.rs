//! Puts the toxics of one run on, and takes them off again. No call is dropped half-way: a dropped POST could be
//! carried out after the removal has looked. It knows neither phases nor signals beyond "stop".

mod preflight;
mod removal;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use preflight::{Obstacle, Refusal, clear};
pub(crate) use removal::Residue;

use crate::lease::RunId;
use crate::ledger::Ledger;
use crate::plan::{Plan, Step};
use crate::toxiproxy::{Client, Proxy, ToxiproxyError};

/// Calls that may end better in a moment are tried so often.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// The toxics of one run.
#[derive(Debug)]
pub(crate) struct Injector {
    client: Client,
    families: Arc<ToxiproxyFamilies>,
    run: RunId,
    plan: Plan,
    ledger: Mutex<Ledger>,
    /// Faults shown as on, by position in the plan.
    shown: Mutex<Vec<usize>>,
}

/// Why the faults of a run are not on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    #[error("stopped before all faults were on")]
    Stopped,
    #[error("cannot put {toxic} on {server}: {cause}")]
    Call { server: String, toxic: String, cause: ToxiproxyError },
    #[error("cannot read back what was injected: {0}")]
    ReadBack(ToxiproxyError),
    #[error("toxiproxy accepted {toxic} on {server}, but does not have it")]
    NotThere { server: String, toxic: String },
}

impl Injector {
    pub(crate) fn new(client: Client, families: Arc<ToxiproxyFamilies>, run: RunId, plan: Plan) -> Injector {
        Injector { client, families, run, plan, ledger: Mutex::default(), shown: Mutex::default() }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn families(&self) -> &ToxiproxyFamilies {
        &self.families
    }

    /// Puts every toxic of the plan on, under leases that end at `deadline` (seconds since the epoch), and reads them
    /// back. After an error some may be on.
    pub(crate) async fn inject(&self, deadline: u64, stop: &CancellationToken) -> Result<(), InjectError> {
        let steps = self.plan.steps(&self.run, deadline);
        let mut left: BTreeMap<usize, usize> = BTreeMap::new();
        for step in &steps {
            *left.entry(step.fault).or_default() += 1;
        }
        for step in &steps {
            self.put(step, stop).await?;
            if let Some(count) = left.get_mut(&step.fault) {
                *count -= 1;
                if *count == 0 {
                    self.show(step.fault);
                }
            }
        }
        let proxies = retry(stop, || self.client.proxies())
            .await
            .ok_or(InjectError::Stopped)?
            .map_err(InjectError::ReadBack)?;
        steps.iter().try_for_each(|step| if is_on(step, &proxies) { Ok(()) } else { Err(not_there(step)) })
    }

    async fn put(&self, step: &Step, stop: &CancellationToken) -> Result<(), InjectError> {
        let name = step.lease.to_string();
        let name = name.as_str();
        let answer = retry(stop, move || async move {
            self.ledger().ask(step);
            let answer = self.client.add_toxic(&step.server, name, &step.toxic).await;
            match &answer {
                Err(error) if error.may_have_applied() => self.ledger().unanswered(step, Instant::now()),
                Err(_) => self.ledger().nowhere(step),
                Ok(()) => self.ledger().on(step),
            }
            answer
        });
        let failed = |cause| InjectError::Call { server: step.server.clone(), toxic: name.to_owned(), cause };
        answer.await.ok_or(InjectError::Stopped)?.map_err(failed)
    }

    fn show(&self, fault: usize) {
        if let Some(assigned) = self.plan.faults.get(fault) {
            let (label, params) = (assigned.fault.label(), assigned.fault.params());
            self.families.activated(&assigned.server, label, &params, std::time::Instant::now());
            lock(&self.shown).push(fault);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

fn is_on(step: &Step, proxies: &[Proxy]) -> bool {
    let name = step.lease.to_string();
    let on = |proxy: &&Proxy| proxy.name == step.server;
    let toxics = proxies.iter().filter(on).flat_map(|proxy| &proxy.toxics);
    toxics.into_iter().any(|placed| placed.name == name && placed.is(&step.toxic))
}

fn not_there(step: &Step) -> InjectError {
    InjectError::NotThere { server: step.server.clone(), toxic: step.lease.to_string() }
}

/// Tries a call a few times. `None`: `stop` came before the next try; a try under way is always waited for.
async fn retry<T, F: Future<Output = Result<T, ToxiproxyError>>>(
    stop: &CancellationToken,
    mut call: impl FnMut() -> F,
) -> Option<Result<T, ToxiproxyError>> {
    for tried in 1.. {
        if stop.is_cancelled() {
            return None;
        }
        match call().await {
            Err(error) if error.is_passing() && tried < TRIES => {
                tracing::warn!(%error, "call to toxiproxy failed, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            answer => return Some(answer),
        }
    }
    None
}

/// A poisoned lock only says that another task panicked; what it guards is still true.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
