//! Puts the toxics of one run on, and takes them off again. No call is dropped half-way: a dropped POST could be
//! carried out after the removal has looked. It knows neither phases nor signals beyond "stop".

mod adjust;
mod preflight;
mod removal;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use metrics_core::labels::FaultType;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use preflight::{Obstacle, Refusal, clear, look};
pub(crate) use removal::Residue;

use crate::lease::RunId;
use crate::ledger::Ledger;
use crate::plan::{Plan, Step};
use crate::toxic::ToxicKind;
use crate::toxiproxy::{Client, Power, Proxy, ToxiproxyError};

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
    naming: Mutex<Naming>,
    /// Faults shown as on, by position in the plan.
    shown: Mutex<Vec<usize>>,
}

/// No name is used twice: a late call must never meet another toxic than its own.
#[derive(Debug, Default)]
struct Naming {
    next: u32,
    deadline: u64,
}

/// Why the faults of a run are not on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    #[error("stopped before all faults were on")]
    Stopped,
    #[error("cannot put {toxic} on {server}: {cause}")]
    Call { server: String, toxic: String, cause: ToxiproxyError },
    #[error("cannot disable the proxy {server}: {cause}")]
    Disable { server: String, cause: ToxiproxyError },
    #[error("this toxiproxy has no toxic that makes {fault}")]
    Unsupported { fault: FaultType },
    #[error("cannot change {toxic} on {server}: {cause}")]
    Change { server: String, toxic: String, cause: ToxiproxyError },
    #[error("toxiproxy removed {toxic} from {server}, but still has it")]
    StillThere { server: String, toxic: String },
    #[error("what was injected did not stay on")]
    Lost,
    #[error("cannot read back what was injected: {0}")]
    ReadBack(ToxiproxyError),
    #[error("toxiproxy accepted {toxic} on {server}, but does not have it")]
    NotThere { server: String, toxic: String },
}

impl Injector {
    pub(crate) fn new(client: Client, families: Arc<ToxiproxyFamilies>, run: RunId, plan: Plan) -> Injector {
        let (ledger, naming, shown) = (Mutex::default(), Mutex::default(), Mutex::default());
        Injector { client, families, run, plan, ledger, naming, shown }
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

    /// Puts on what is wanted at the start of testing, under leases that end at `deadline` (seconds since the epoch),
    /// and reads it back. After an error some may be on.
    pub(crate) async fn inject(&self, deadline: u64, stop: &CancellationToken) -> Result<(), InjectError> {
        lock(&self.naming).deadline = deadline;
        self.apply(Duration::ZERO, stop).await
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
        let failed = |cause| match (&cause, self.plan.faults.get(step.fault)) {
            // Only trying tells what a server has.
            (ToxiproxyError::Refused { status: 400, .. }, Some(assigned))
                if matches!(step.toxic.kind, ToxicKind::DropChunks { .. }) =>
            {
                InjectError::Unsupported { fault: assigned.course.fault.label() }
            }
            _ => InjectError::Call { server: step.server.clone(), toxic: name.to_owned(), cause },
        };
        answer.await.ok_or(InjectError::Stopped)?.map_err(failed)?;
        if step.toxic.kind == ToxicKind::Marker { self.disable(step, stop).await } else { Ok(()) }
    }

    /// Only below a marker that was seen to be on.
    async fn disable(&self, step: &Step, stop: &CancellationToken) -> Result<(), InjectError> {
        let answer = retry(stop, move || async move {
            let answer = self.client.set_power(&step.server, Power::Disabled).await;
            if answer.as_ref().is_err_and(ToxiproxyError::may_have_applied) {
                self.ledger().unanswered(step, Instant::now());
            }
            answer
        });
        let failed = |cause| InjectError::Disable { server: step.server.clone(), cause };
        answer.await.ok_or(InjectError::Stopped)?.map_err(failed)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

fn is_on(step: &Step, proxies: &[Proxy]) -> bool {
    let name = step.lease.to_string();
    let on = |proxy: &&Proxy| {
        proxy.name == step.server && (step.toxic.kind != ToxicKind::Marker || proxy.power == Power::Disabled)
    };
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
