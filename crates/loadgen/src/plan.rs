//! What one run is going to do: checked values, nothing left to decide. Made by `config` only; serde and clap types end
//! there.

use std::fmt;
use std::time::Duration;

use daemon_core::values::HostPort;

use crate::pacer::Pacer;
use crate::payload::{Sizes, Ttls};
use crate::profile::LoadProfile;
use crate::stack::breaker::BreakerRules;
use crate::stack::context::{Failover, Timeouts};
use crate::stack::pool::PoolTimes;
use crate::stack::retry::RetryRules;
use crate::workload::OpMix;

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
    /// How the end of the run is told.
    pub(crate) summary: SummaryFormat,
}

/// How the summary is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    Text,
    Json,
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
    pub(crate) pace: Pace,
    /// The workload's name, for the log.
    pub(crate) workload: String,
    pub(crate) mix: OpMix,
    pub(crate) sizes: Sizes,
    pub(crate) ttls: Ttls,
    /// Keys stored before the load starts, from the most wanted on.
    pub(crate) warm_up: u64,
    pub(crate) seed: u64,
}

/// What starts an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The end of the worker's last one.
    Closed(Pacer),
    /// The time, whatever became of the others.
    Open {
        profile: LoadProfile,
        /// An operation that has no worker and no connection by then is dropped.
        max_start_delay: Duration,
    },
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(Pacer { think_time }) => {
                write!(f, "closed loop, think time {}", humantime::format_duration(*think_time))
            }
            Self::Open { profile, .. } => write!(f, "open loop, {profile}"),
        }
    }
}

/// The client stack's knobs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClientPlan {
    /// Connections per node, over all threads.
    pub(crate) pool_size: usize,
    pub(crate) pool_times: PoolTimes,
    pub(crate) timeouts: Timeouts,
    pub(crate) breaker: BreakerRules,
    pub(crate) failover: Failover,
    pub(crate) retry: RetryRules,
}
