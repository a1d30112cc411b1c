//! What one run is going to do: checked values, nothing left to decide. Made by `config` only; serde and clap types end
//! there.

use std::time::Duration;

use daemon_core::values::HostPort;

use crate::keys::KeySpace;
use crate::pacer::Pacer;
use crate::stack::Timeouts;
use crate::stack::breaker::BreakerRules;
use crate::workload::Weights;

/// One run, from the first dial to the summary.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) metrics_addr: HostPort,
    /// At least one, names unique.
    pub(crate) nodes: Vec<Target>,
    pub(crate) load: LoadPlan,
    pub(crate) client: ClientPlan,
    /// How long to wait for the nodes before giving up.
    pub(crate) ready_timeout: Duration,
    /// `None`: until a signal.
    pub(crate) duration: Option<Duration>,
}

/// A node under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// What is dialled: the proxy in front of the node, as a rule.
    pub(crate) dial: String,
}

/// What is sent, by how many, how fast.
#[derive(Clone, Debug)]
pub(crate) struct LoadPlan {
    /// At most as many as workers and as connections per node, so that each has at least one of both.
    pub(crate) threads: usize,
    pub(crate) workers: usize,
    pub(crate) pacer: Pacer,
    pub(crate) weights: Weights,
    pub(crate) keys: KeySpace,
    /// Bytes.
    pub(crate) value_size: usize,
    pub(crate) seed: u64,
}

/// The client stack's knobs.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    /// Connections per node, over all threads.
    pub(crate) pool_size: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) breaker: BreakerRules,
}
