//! Adds the toxics of one run to Toxiproxy and removes them again. No call is dropped before its answer: Toxiproxy could
//! carry out a dropped POST after the removal has read back. Nothing here knows phases or signals; a token says stop.

mod address;
mod adjust;
mod calls;
mod disturbance;
mod error;
mod findings;
mod healing;
mod hook;
pub(crate) mod ledger;
mod observe;
mod preflight;
mod presence;
mod removal;
mod residue;
mod restore;
mod retry;
mod run_removal;
mod silence_watch;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, MutexGuard};

use metrics_core::Locked;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;

pub(crate) use disturbance::{Disturbance, ForeignToxics};
pub(crate) use error::InjectError;
pub(crate) use findings::{Obstacle, PreflightNote, Refusal};
pub(crate) use preflight::{PreflightContext, inspect};
pub(crate) use removal::{ReadBack, Removal, RemovalLimit, remove_until_gone};
pub(crate) use residue::{Residue, Suspect};
use silence_watch::SilenceWatch;

use crate::injector::ledger::ToxicLedger;
use crate::lease::{Lease, RunId};
use crate::plan::Plan;
use crate::state::journal::Journal;
use crate::state::{Claim, StateDir};
use crate::terminal::narrator::Voice;
use crate::toxiproxy::{Client, NewProxy, Proxy};

/// What the injector of a run is made of.
#[derive(Debug)]
pub(crate) struct InjectorParts {
    pub(crate) client: Client,
    pub(crate) families: Arc<ToxiproxyFamilies>,
    /// The lab's nodes.
    pub(crate) servers: Arc<[NewProxy]>,
    pub(crate) state: StateDir,
    pub(crate) journal: Arc<Journal>,
    pub(crate) foreign: ForeignToxics,
    /// The command that restarts a wedged Toxiproxy.
    pub(crate) hook: Option<String>,
    pub(crate) voice: Voice,
}

/// The toxics of one run.
#[derive(Debug)]
pub(crate) struct Injector {
    parts: InjectorParts,
    plan: Plan,
    ledger: Locked<ToxicLedger>,
    leases: Locked<LeaseIssuer>,
    /// Every proxy as the preflight found it.
    snapshot: Locked<Vec<Proxy>>,
    /// The client's count of restarts at the preflight.
    restarts: AtomicU64,
    /// Kept until the run ends, so that no other run uses the same proxies.
    claims: Locked<Vec<Claim>>,
    /// Faults exported as active, by their position in the plan.
    active_faults: Locked<Vec<usize>>,
    silence: Locked<SilenceWatch>,
}

/// Issues a new lease for each toxic. No name is used twice: a late call must not reach a newer toxic.
#[derive(Debug, Default)]
struct LeaseIssuer {
    next: u32,
    /// Seconds since the epoch at which every lease of the run ends.
    deadline: u64,
}

impl LeaseIssuer {
    fn issue(&mut self, run: &RunId) -> Lease {
        let step = self.next;
        self.next += 1;
        Lease { run: run.clone(), step, deadline: self.deadline }
    }
}

impl Injector {
    pub(crate) fn new(parts: InjectorParts, plan: Plan) -> Injector {
        Injector {
            parts,
            plan,
            ledger: Locked::default(),
            leases: Locked::default(),
            snapshot: Locked::default(),
            restarts: AtomicU64::default(),
            claims: Locked::default(),
            active_faults: Locked::default(),
            silence: Locked::default(),
        }
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn client(&self) -> &Client {
        &self.parts.client
    }

    pub(crate) fn families(&self) -> &ToxiproxyFamilies {
        &self.parts.families
    }

    pub(crate) fn journal(&self) -> &Arc<Journal> {
        &self.parts.journal
    }

    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.parts.voice.say(line);
    }

    fn run(&self) -> &RunId {
        self.parts.journal.run()
    }

    fn ledger(&self) -> MutexGuard<'_, ToxicLedger> {
        self.ledger.lock()
    }
}
