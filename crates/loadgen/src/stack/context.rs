//! What all workers of one load thread share, and the limits that hold for each of them. Data only; what is done with it
//! is in `stack.rs` and `attempt.rs`.

use std::cell::RefCell;
use std::rc::Weak;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::WriteLedger;
use crate::recorder::Recorder;
use crate::stack::conn::Client;
use crate::stack::node::Node;
use crate::stack::pool::{Kept, Pool, PoolTimes};
use crate::stack::retry::RetryBudget;
use crate::stack::route::Router;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// One operation as a whole: all attempts, waiting for a connection and dialling included.
    pub(crate) operation: Duration,
    /// Dialling alone, within the operation's.
    pub(crate) connect: Duration,
}

/// Who serves a key while its node's breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Failover {
    /// Nobody: the operation fails at once.
    #[default]
    None,
    /// The node that would have the key if its own were gone. Stale values are to be expected when nodes change back.
    Next,
}

/// What the workers of one thread have in common.
pub(crate) struct StackContext<C: Client, R: Recorder> {
    /// The thread's number.
    pub(crate) thread: usize,
    pub(crate) client: C,
    pub(crate) router: Router,
    pub(crate) nodes: Arc<[Node]>,
    /// One per node.
    pub(crate) pools: Vec<Pool<C::Connection, R>>,
    pub(crate) pool_times: PoolTimes,
    pub(crate) timeouts: Timeouts,
    pub(crate) failover: Failover,
    /// `None`: no operation is ever repeated.
    pub(crate) retries: Option<RefCell<RetryBudget>>,
    pub(crate) recorder: R,
    pub(crate) ledger: Arc<WriteLedger>,
    /// The places of all workers, for the reaper.
    pub(crate) worker_connections: RefCell<Vec<Weak<OwnConnections<C, R>>>>,
}

/// Where a worker keeps its connections, by node.
pub(crate) type OwnConnections<C, R> = RefCell<Vec<Kept<<C as Client>::Connection, R>>>;
