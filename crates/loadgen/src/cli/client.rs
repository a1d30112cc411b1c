//! The flags of the client stack. Each is also a `LAB_` variable. The defaults are in `config`.

use clap::{Args, value_parser};
use daemon_core::values::{Fraction, Positive};

use crate::config::failover::FailoverSetting;
use crate::config::presets::{CLIENTS, PresetOrFile};

/// Each of them overrides the client that `--client` or the lab file names.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Client stack")]
pub(crate) struct ClientFlags {
    /// Client, instead of the one in the lab file: default, fail-fast, patient, go-original, or your own client file
    #[arg(long, value_name = "NAME|FILE.yaml", env = "LAB_CLIENT", value_parser = client)]
    pub(crate) client: Option<PresetOrFile>,
    /// Connections per node
    #[arg(long, value_name = "N", env = "LAB_POOL_SIZE", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) pool_size: Option<u32>,
    /// Timeout of one operation, including the wait for a connection
    #[arg(long, value_name = "DURATION", env = "LAB_OP_TIMEOUT")]
    pub(crate) op_timeout: Option<Positive>,
    /// Timeout for connecting to a node
    #[arg(long, value_name = "DURATION", env = "LAB_CONNECT_TIMEOUT")]
    pub(crate) connect_timeout: Option<Positive>,
    /// Timeout of the wait for a free connection [default: the operation timeout]
    #[arg(long, value_name = "DURATION", env = "LAB_ACQUIRE_TIMEOUT")]
    pub(crate) acquire_timeout: Option<Positive>,
    /// Close a connection after this time without use [default: never]
    #[arg(long, value_name = "DURATION", env = "LAB_IDLE_TIMEOUT")]
    pub(crate) idle_timeout: Option<Positive>,
    /// Close a connection at about this age [default: never]
    #[arg(long, value_name = "DURATION", env = "LAB_MAX_LIFETIME")]
    pub(crate) max_lifetime: Option<Positive>,
    /// Which node gets an operation while the breaker of its node is open
    #[arg(long, value_name = "MODE", env = "LAB_FAILOVER", value_enum)]
    pub(crate) failover: Option<FailoverSetting>,
    /// Maximum retries of a failed operation that is safe to repeat
    #[arg(long, value_name = "N", env = "LAB_RETRIES", value_parser = value_parser!(u32).range(..=10))]
    pub(crate) retries: Option<u32>,
    /// Maximum average number of retries per operation, above 0 and at most 1
    #[arg(long, value_name = "SHARE", env = "LAB_RETRY_BUDGET")]
    pub(crate) retry_budget: Option<Fraction>,
    /// Probes that a half-open breaker lets through; all must succeed to close it
    #[arg(long, value_name = "N", env = "LAB_BREAKER_HALF_OPEN_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_half_open_requests: Option<u32>,
    /// Window over which the breaker counts failures
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_INTERVAL")]
    pub(crate) breaker_interval: Option<Positive>,
    /// Step by which that window moves
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_BUCKET_PERIOD")]
    pub(crate) breaker_bucket_period: Option<Positive>,
    /// How long an open breaker rejects operations before it lets probes through
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_OPEN_TIMEOUT")]
    pub(crate) breaker_open_timeout: Option<Positive>,
    /// Consecutive failures that open the breaker
    #[arg(long, value_name = "N", env = "LAB_BREAKER_CONSECUTIVE_FAILURES", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_consecutive_failures: Option<u32>,
    /// Share of failures in the window that opens the breaker, above 0 and at most 1
    #[arg(long, value_name = "SHARE", env = "LAB_BREAKER_FAILURE_RATIO")]
    pub(crate) breaker_failure_ratio: Option<Fraction>,
    /// Minimum requests in the window before the share of failures counts
    #[arg(long, value_name = "N", env = "LAB_BREAKER_MIN_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_min_requests: Option<u32>,
}

fn client(text: &str) -> Result<PresetOrFile, String> {
    PresetOrFile::parse(CLIENTS, text)
}
