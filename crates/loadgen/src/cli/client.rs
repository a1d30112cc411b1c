//! The flags of the client stack, each of which is also a `LAB_` variable. Defaults are in `config`.

use clap::{Args, value_parser};
use daemon_core::values::{Fraction, Positive};

use crate::config::failover::FailoverSetting;
use crate::config::presets::{CLIENTS, PresetOrFile};

/// All of them win over the client that `--client` or the lab file names.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Client stack")]
pub(crate) struct ClientFlags {
    /// The client, instead of the lab file's: default, fail-fast, patient, go-original, or a file of your own
    #[arg(long, value_name = "NAME|FILE.yaml", env = "LAB_CLIENT", value_parser = client)]
    pub(crate) client: Option<PresetOrFile>,
    /// Connections per node
    #[arg(long, value_name = "N", env = "LAB_POOL_SIZE", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) pool_size: Option<u32>,
    /// Deadline of one operation, waiting for a connection included
    #[arg(long, value_name = "DURATION", env = "LAB_OP_TIMEOUT")]
    pub(crate) op_timeout: Option<Positive>,
    /// Deadline of dialling a node
    #[arg(long, value_name = "DURATION", env = "LAB_CONNECT_TIMEOUT")]
    pub(crate) connect_timeout: Option<Positive>,
    /// Deadline of waiting for a free connection [default: the operation's]
    #[arg(long, value_name = "DURATION", env = "LAB_ACQUIRE_TIMEOUT")]
    pub(crate) acquire_timeout: Option<Positive>,
    /// A connection unused for this long is closed [default: never]
    #[arg(long, value_name = "DURATION", env = "LAB_IDLE_TIMEOUT")]
    pub(crate) idle_timeout: Option<Positive>,
    /// A connection is closed at about this age [default: never]
    #[arg(long, value_name = "DURATION", env = "LAB_MAX_LIFETIME")]
    pub(crate) max_lifetime: Option<Positive>,
    /// Who serves a key while its node's breaker is open: nobody, or the next node
    #[arg(long, value_name = "WHO", env = "LAB_FAILOVER", value_enum)]
    pub(crate) failover: Option<FailoverSetting>,
    /// Further attempts of a failed operation that may be repeated
    #[arg(long, value_name = "N", env = "LAB_RETRIES", value_parser = value_parser!(u32).range(..=10))]
    pub(crate) retries: Option<u32>,
    /// Repetitions per operation in the long run, above 0 and at most 1
    #[arg(long, value_name = "SHARE", env = "LAB_RETRY_BUDGET")]
    pub(crate) retry_budget: Option<Fraction>,
    /// Probes let through while half-open; all must succeed to close
    #[arg(long, value_name = "N", env = "LAB_BREAKER_HALF_OPEN_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_half_open_requests: Option<u32>,
    /// The window over which failures are counted
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_INTERVAL")]
    pub(crate) breaker_interval: Option<Positive>,
    /// The steps in which the window moves
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_BUCKET_PERIOD")]
    pub(crate) breaker_bucket_period: Option<Positive>,
    /// How long an open breaker refuses before it probes
    #[arg(long, value_name = "DURATION", env = "LAB_BREAKER_OPEN_TIMEOUT")]
    pub(crate) breaker_open_timeout: Option<Positive>,
    /// Failures in a row that open the breaker
    #[arg(long, value_name = "N", env = "LAB_BREAKER_CONSECUTIVE_FAILURES", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_consecutive_failures: Option<u32>,
    /// Share of failures in the window, above 0 and at most 1, that opens the breaker
    #[arg(long, value_name = "SHARE", env = "LAB_BREAKER_FAILURE_RATIO")]
    pub(crate) breaker_failure_ratio: Option<Fraction>,
    /// Requests in the window from which on the share counts
    #[arg(long, value_name = "N", env = "LAB_BREAKER_MIN_REQUESTS", value_parser = value_parser!(u32).range(1..))]
    pub(crate) breaker_min_requests: Option<u32>,
}

fn client(text: &str) -> Result<PresetOrFile, String> {
    PresetOrFile::parse(CLIENTS, text)
}
