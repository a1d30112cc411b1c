//! The data that all workers of one load thread share. `stack.rs` and `attempt.rs` use it.

use std::cell::RefCell;
use std::rc::Weak;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::WriteLedger;
use crate::recorder::Recorder;
use crate::stack::conn::Client;
use crate::stack::node::Node;
use crate::stack::pool::{Pool, PoolTimes, PooledConnection};
use crate::stack::retry::RetryBudget;
use crate::stack::route::Router;

/// The timeouts of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// The timeout of one operation, including all attempts, the wait for a connection and dialling.
    pub(crate) operation: Duration,
    /// The timeout of dialling, within that of the operation.
    pub(crate) connect: Duration,
}

/// Which node gets a request while the breaker of the key's own node is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Failover {
    /// None: the operation fails at once.
    #[default]
    None,
    /// The node that would own the key without its own node. Stale values are expected when the own node is used again.
    Next,
}

/// The data that the workers of one thread share.
pub(crate) struct StackContext<C: Client, R: Recorder> {
    /// The number of the thread.
    pub(crate) thread: usize,
    pub(crate) client: C,
    pub(crate) router: Router,
    pub(crate) nodes: Arc<[Node]>,
    /// One per node.
    pub(crate) pools: Vec<Pool<C::Connection, R>>,
    pub(crate) pool_times: PoolTimes,
    pub(crate) timeouts: Timeouts,
    pub(crate) failover: Failover,
    /// `None` if operations are never repeated.
    pub(crate) retries: Option<RefCell<RetryBudget>>,
    pub(crate) recorder: R,
    pub(crate) ledger: Arc<WriteLedger>,
    /// The connections of all workers, for the reaper.
    pub(crate) worker_connections: RefCell<Vec<Weak<OwnConnections<C, R>>>>,
}

/// The connections that a worker keeps, by node.
pub(crate) type OwnConnections<C, R> =
    RefCell<Vec<Option<Box<PooledConnection<<C as Client>::Connection, R>>>>>;
