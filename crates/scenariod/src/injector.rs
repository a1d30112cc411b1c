//! Puts the toxics of one run on, and takes them off again. No call is dropped half-way: a dropped POST could be
//! carried out after the removal has looked. It knows neither phases nor signals beyond "stop".

mod adjust;
mod error;
mod findings;
mod ladder;
pub(crate) mod ledger;
mod placed;
mod preflight;
mod removal;
mod residue;
mod retry;
mod spoiled;
mod stall;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use metrics_core::Locked;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use error::InjectError;
pub(crate) use findings::{Note, Obstacle, Refusal};
use placed::{has, is_on};
pub(crate) use preflight::{Ground, look};
pub(crate) use removal::remove;
pub(crate) use residue::{Residue, Suspect};
use retry::retry;
pub(crate) use spoiled::{Foreign, Spoiled};
use stall::Stall;

use crate::clock::unix_seconds;
use crate::fault::toxic::ToxicKind;
use crate::injector::ledger::Ledger;
use crate::lease::RunId;
use crate::lease::step::Step;
use crate::plan::Plan;
use crate::state::journal::Journal;
use crate::state::{Claim, StateDir};
use crate::terminal::narrator::Voice;
use crate::toxiproxy::{Client, NewProxy, Power, Proxy, ToxiproxyError};

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
    ledger: Locked<Ledger>,
    naming: Locked<Naming>,
    /// Every proxy as it was found.
    snapshot: Locked<Vec<Proxy>>,
    /// How often Toxiproxy had restarted by then.
    restarts: AtomicU64,
    claims: Locked<Vec<Claim>>,
    /// Faults shown as on, by position in the plan.
    shown: Locked<Vec<usize>>,
    stall: Locked<Stall>,
}

/// No name is used twice: a late call must never meet another toxic than its own.
#[derive(Debug, Default)]
struct Naming {
    next: u32,
    deadline: u64,
}

impl Injector {
    pub(crate) fn new(kit: Kit, plan: Plan) -> Injector {
        let (ledger, naming, shown) = (Locked::default(), Locked::default(), Locked::default());
        let (snapshot, restarts, claims) = (Locked::default(), AtomicU64::default(), Locked::default());
        let stall = Locked::default();
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
        self.stall.lock().silent(std::time::Instant::now());
        self.unstalled()
    }

    fn unstalled(&self) -> Result<(), Spoiled> {
        self.stall.lock().judge()
    }

    /// Every proxy. `None`: stopped.
    async fn read(&self, stop: &CancellationToken) -> Option<Result<Vec<Proxy>, ToxiproxyError>> {
        retry(stop, || self.timed(self.client())).await
    }

    /// Every proxy, and how long that took is kept.
    async fn timed(&self, client: &Client) -> Result<Vec<Proxy>, ToxiproxyError> {
        let now = std::time::Instant::now;
        self.stall.lock().ask(now());
        let read = client.proxies().await;
        if matches!(read, Err(ToxiproxyError::TimedOut { .. })) {
            self.stall.lock().silent(now());
        } else {
            self.stall.lock().answered(now());
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
        self.naming.lock().deadline = deadline;
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
        self.ledger.lock()
    }
}
