//! Puts the toxics of one run on, and takes them off again. No call is dropped half-way: a dropped POST could be
//! carried out after the removal has looked. It knows neither phases nor signals beyond "stop".

mod adjust;
mod findings;
mod ladder;
pub(crate) mod ledger;
mod preflight;
mod removal;
mod residue;
mod spoiled;
mod stall;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use metrics_core::labels::FaultType;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use adjust::has;
pub(crate) use findings::{Note, Obstacle, Refusal};
pub(crate) use preflight::{Ground, look};
pub(crate) use removal::remove;
pub(crate) use residue::{Residue, Suspect};
pub(crate) use spoiled::{Foreign, Spoiled};
use stall::Stall;

use crate::clock::unix_seconds;
use crate::fault::toxic::ToxicKind;
use crate::injector::ledger::Ledger;
use crate::lease::RunId;
use crate::plan::{Plan, Step};
use crate::state::journal::{Journal, JournalError};
use crate::state::{Claim, StateDir};
use crate::terminal::narrator::Voice;
use crate::toxiproxy::{Client, NewProxy, Power, Proxy, ToxiproxyError};

/// Calls that may end better in a moment are tried so often.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// What the injector of a run works with.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) client: Client,
    pub(crate) families: Arc<ToxiproxyFamilies>,
    /// The lab's nodes.
    pub(crate) servers: Arc<[NewProxy]>,
    pub(crate) state: StateDir,
    pub(crate) journal: Arc<Journal>,
    pub(crate) foreign: Foreign,
    /// The command that restarts a wedged Toxiproxy.
    pub(crate) hook: Option<String>,
    pub(crate) voice: Voice,
}

/// The toxics of one run.
#[derive(Debug)]
pub(crate) struct Injector {
    kit: Kit,
    plan: Plan,
    ledger: Mutex<Ledger>,
    naming: Mutex<Naming>,
    /// Every proxy as it was found.
    snapshot: Mutex<Vec<Proxy>>,
    /// How often Toxiproxy had restarted by then.
    restarts: AtomicU64,
    claims: Mutex<Vec<Claim>>,
    /// Faults shown as on, by position in the plan.
    shown: Mutex<Vec<usize>>,
    stall: Mutex<Stall>,
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
    #[error(transparent)]
    Spoiled(#[from] Spoiled),
    #[error("nothing can be written down before it is injected: {0}")]
    Journal(#[from] JournalError),
    #[error("cannot read back what was injected: {0}")]
    ReadBack(ToxiproxyError),
    #[error("toxiproxy accepted {toxic} on {server}, but does not have it")]
    NotThere { server: String, toxic: String },
}

impl Injector {
    pub(crate) fn new(kit: Kit, plan: Plan) -> Injector {
        let (ledger, naming, shown) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (snapshot, restarts, claims) = (Mutex::default(), AtomicU64::default(), Mutex::default());
        let stall = Mutex::default();
        Injector { kit, plan, ledger, naming, snapshot, restarts, claims, shown, stall }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn client(&self) -> &Client {
        &self.kit.client
    }

    pub(crate) fn families(&self) -> &ToxiproxyFamilies {
        &self.kit.families
    }

    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.kit.journal
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.kit.voice.say(line);
    }

    fn run(&self) -> &RunId {
        self.kit.journal.run()
    }

    /// Looks whether all is as this run wants it, at any time from the preflight on. A Toxiproxy that is merely slow
    /// spoils nothing, one that stands still does. May be dropped at any await.
    pub(crate) async fn watch(&self, stop: &CancellationToken) -> Result<(), Spoiled> {
        match self.read(stop).await {
            None => return Ok(()),
            Some(Ok(proxies)) => self.judge(&proxies, &[])?,
            Some(Err(error @ ToxiproxyError::Connect { .. })) => return Err(Spoiled::Unreachable(error)),
            Some(Err(error)) => tracing::warn!(%error, "cannot see what toxiproxy holds"),
        }
        self.unstalled()
    }

    /// What is known of a look that was dropped: how long it has waited.
    pub(crate) fn waited(&self) -> Result<(), Spoiled> {
        lock(&self.stall).silent(std::time::Instant::now());
        self.unstalled()
    }

    fn unstalled(&self) -> Result<(), Spoiled> {
        lock(&self.stall).judge()
    }

    /// Every proxy. `None`: stopped.
    async fn read(&self, stop: &CancellationToken) -> Option<Result<Vec<Proxy>, ToxiproxyError>> {
        retry(stop, || self.timed(self.client())).await
    }

    /// Every proxy, and how long that took is kept.
    async fn timed(&self, client: &Client) -> Result<Vec<Proxy>, ToxiproxyError> {
        let now = std::time::Instant::now;
        lock(&self.stall).ask(now());
        let read = client.proxies().await;
        if matches!(read, Err(ToxiproxyError::TimedOut { .. })) {
            lock(&self.stall).silent(now());
        } else {
            lock(&self.stall).answered(now());
        }
        read
    }

    /// `open`: steps that may be there or not. What is to be off and is there is to be removed from here on, whatever
    /// else is wrong.
    fn judge(&self, proxies: &[Proxy], open: &[Step]) -> Result<(), Spoiled> {
        let off = self.ledger().written_off();
        off.iter().filter(|step| has(step, proxies)).for_each(|step| self.ledger().ask(step));
        if self.client().restarts() != self.restarts.load(Ordering::Relaxed) {
            return Err(Spoiled::Restarted);
        }
        let on = self.ledger().answered();
        let expected = spoiled::Expected {
            servers: &self.kit.servers,
            run: self.run(),
            on: &on,
            open,
            foreign: self.kit.foreign,
            now: unix_seconds(),
        };
        spoiled::spoiled(proxies, &expected).map_or(Ok(()), Err)
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
            let answer = self.client().add_toxic(&step.server, name, &step.toxic).await;
            match &answer {
                Err(error) if error.may_have_applied() => self.ledger().unanswered(step, Instant::now()),
                Err(_) => self.ledger().nowhere(step),
                Ok(()) => {
                    self.ledger().on(step);
                    self.journal().applied(&step.server, name);
                }
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
            let answer = self.client().set_power(&step.server, Power::Disabled).await;
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
