//! The plan of one run: checked values, with all defaults applied. Only `config` makes it. Types of serde and clap are not
//! used beyond `config`.

use std::fmt;
use std::time::Duration;

use daemon_core::values::{HostPort, format_duration};

use crate::pacer::Pacer;
use crate::payload::{Sizes, Ttls};
use crate::profile::LoadProfile;
use crate::stack::breaker::BreakerRules;
use crate::stack::context::{Failover, Timeouts};
use crate::stack::pool::PoolTimes;
use crate::stack::retry::RetryRules;
use crate::workload::OpMix;

/// The plan of one run.
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
    /// The format of the summary.
    pub(crate) summary: SummaryFormat,
}

/// The format of the summary at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SummaryFormat {
    Text,
    Json,
}

/// A node under load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// The address to connect to, usually the proxy in front of the node.
    pub(crate) dial: String,
    /// Where the node itself listens, if known. No load is sent there.
    pub(crate) upstream: Option<String>,
}

/// The load: operations, workers and rate.
#[derive(Clone, Debug)]
pub(crate) struct LoadPlan {
    /// At most the number of workers and of connections per node, so that each thread has at least one of both.
    pub(crate) threads: usize,
    pub(crate) workers: usize,
    pub(crate) pace: Pace,
    /// The workload's name, for the log.
    pub(crate) workload: String,
    pub(crate) mix: OpMix,
    pub(crate) sizes: Sizes,
    pub(crate) ttls: Ttls,
    /// The number of keys stored before the load starts, most popular first.
    pub(crate) warm_up: u64,
    pub(crate) seed: u64,
}

/// When operations start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When the worker's last operation has ended.
    Closed(Pacer),
    /// On schedule, regardless of outstanding operations.
    Open {
        profile: LoadProfile,
        /// An operation without a worker or a connection after this delay is dropped.
        max_start_delay: Duration,
    },
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(Pacer { think_time }) => {
                write!(f, "closed loop, think time {}", format_duration(*think_time))
            }
            Self::Open { profile, .. } => write!(f, "open loop, {profile}"),
        }
    }
}

/// The settings of the client stack.
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
