//! Makes a [`ClientPlan`] of the client's settings. Each layer overrides the one before: the defaults, a preset, the `client`
//! section of the lab file, the `LAB_` variables, the flags. A client named by flag or variable replaces the section of the
//! lab file, because the shipped section sets every value.

use std::time::Duration;

use daemon_core::lab::Lab;
use daemon_core::values::{Fraction, Positive, format_duration};
use daemon_core::yaml::Document;
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::ConfigError;
use super::failover::FailoverSetting;
use super::presets::{CLIENTS, PresetOrFile, folder_of};
use crate::cli::ClientFlags;
use crate::plan::ClientPlan;
use crate::stack::breaker::BreakerRules;
use crate::stack::context::{Failover, Timeouts};
use crate::stack::pool::PoolTimes;
use crate::stack::retry::RetryRules;

/// The `client` section of a lab file, or a client file.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClientSettings {
    preset: Option<String>,
    #[schemars(range(min = 1, max = 100_000))]
    pool_size: Option<u32>,
    op_timeout: Option<Positive>,
    connect_timeout: Option<Positive>,
    acquire_timeout: Option<Positive>,
    idle_timeout: Option<Positive>,
    max_lifetime: Option<Positive>,
    failover: Option<FailoverSetting>,
    #[schemars(range(max = 10))]
    retries: Option<u32>,
    retry_budget: Option<Fraction>,
    #[serde(default)]
    breaker: BreakerSettings,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct BreakerSettings {
    #[schemars(range(min = 1))]
    half_open_requests: Option<u32>,
    interval: Option<Positive>,
    bucket_period: Option<Positive>,
    open_timeout: Option<Positive>,
    #[schemars(range(min = 1))]
    consecutive_failures: Option<u32>,
    failure_ratio: Option<Fraction>,
    #[schemars(range(min = 1))]
    min_requests: Option<u32>,
}

/// Settings from a file, and the place in the file for messages about them.
pub(super) struct ClientSection {
    settings: ClientSettings,
    document: Document,
    section: &'static str,
}

/// The client that the flag names, else the one in the lab file.
pub(super) fn read_section(lab: &Lab, flags: &ClientFlags) -> Result<ClientSection, ConfigError> {
    // Checked even if the flag names another client.
    let own: ClientSettings = lab.section("client")?;
    if let Some(choice) = &flags.client {
        return read_file(choice);
    }
    let document = lab.document().clone();
    let settings = match &own.preset {
        None => own,
        Some(text) => {
            let wrong =
                |rule: String| document.problem("client/preset", format!("`preset` is `{text}`, {rule}"));
            let choice = PresetOrFile::parse(CLIENTS, text).map_err(wrong)?.relative_to(folder_of(lab));
            own.or(read_file(&choice)?.settings)
        }
    };
    Ok(ClientSection { settings, document, section: "client/" })
}

/// The settings of a client file.
pub(super) fn read_file(choice: &PresetOrFile) -> Result<ClientSection, ConfigError> {
    let document = choice.read()?;
    let settings: ClientSettings = document.decode()?;
    match settings.preset {
        None => Ok(ClientSection { settings, document, section: "" }),
        Some(_) => Err(document.problem("preset", "`preset` is only allowed in a lab file").into()),
    }
}

pub(super) fn plan(client: ClientSection, flags: &ClientFlags) -> Result<ClientPlan, ConfigError> {
    let ClientSection { settings, document, section } = client;
    let settings = ClientSettings::from_flags(flags).or(settings);
    let half_a_second = |given: Option<Positive>| given.map_or(Duration::from_millis(500), Positive::get);
    let breaker = settings.breaker.rules();
    let retry = RetryRules::default();
    if breaker.bucket_period > breaker.interval {
        if flags.breaker_bucket_period.is_some() || flags.breaker_interval.is_some() {
            let [bucket_period, interval] = [breaker.bucket_period, breaker.interval].map(format_duration);
            return Err(ConfigError::Flags(format!(
                "--breaker-bucket-period is {bucket_period}, must not be longer than --breaker-interval, which is {interval}"
            )));
        }
        let message = "`bucket_period` must not be longer than `interval`";
        return Err(document.problem(&format!("{section}breaker/bucket_period"), message).into());
    }
    Ok(ClientPlan {
        pool_size: settings.pool_size.unwrap_or(100) as usize,
        timeouts: Timeouts {
            operation: half_a_second(settings.op_timeout),
            connect: half_a_second(settings.connect_timeout),
        },
        breaker,
        pool_times: PoolTimes {
            acquire: settings.acquire_timeout.map(Positive::get),
            idle: settings.idle_timeout.map(Positive::get),
            lifetime: settings.max_lifetime.map(Positive::get),
        },
        failover: settings.failover.map_or_else(Failover::default, Failover::from),
        retry: RetryRules {
            retries: settings.retries.unwrap_or(retry.retries),
            budget: settings.retry_budget.map_or(retry.budget, Fraction::get),
        },
    })
}

impl ClientSettings {
    fn from_flags(flags: &ClientFlags) -> Self {
        Self {
            preset: None,
            pool_size: flags.pool_size,
            op_timeout: flags.op_timeout,
            connect_timeout: flags.connect_timeout,
            acquire_timeout: flags.acquire_timeout,
            idle_timeout: flags.idle_timeout,
            max_lifetime: flags.max_lifetime,
            failover: flags.failover,
            retries: flags.retries,
            retry_budget: flags.retry_budget,
            breaker: BreakerSettings {
                half_open_requests: flags.breaker_half_open_requests,
                interval: flags.breaker_interval,
                bucket_period: flags.breaker_bucket_period,
                open_timeout: flags.breaker_open_timeout,
                consecutive_failures: flags.breaker_consecutive_failures,
                failure_ratio: flags.breaker_failure_ratio,
                min_requests: flags.breaker_min_requests,
            },
        }
    }

    /// These settings, completed with those of the layer below.
    fn or(self, below: Self) -> Self {
        Self {
            preset: None,
            pool_size: self.pool_size.or(below.pool_size),
            op_timeout: self.op_timeout.or(below.op_timeout),
            connect_timeout: self.connect_timeout.or(below.connect_timeout),
            acquire_timeout: self.acquire_timeout.or(below.acquire_timeout),
            idle_timeout: self.idle_timeout.or(below.idle_timeout),
            max_lifetime: self.max_lifetime.or(below.max_lifetime),
            failover: self.failover.or(below.failover),
            retries: self.retries.or(below.retries),
            retry_budget: self.retry_budget.or(below.retry_budget),
            breaker: self.breaker.or(below.breaker),
        }
    }
}

impl BreakerSettings {
    fn or(self, below: Self) -> Self {
        Self {
            half_open_requests: self.half_open_requests.or(below.half_open_requests),
            interval: self.interval.or(below.interval),
            bucket_period: self.bucket_period.or(below.bucket_period),
            open_timeout: self.open_timeout.or(below.open_timeout),
            consecutive_failures: self.consecutive_failures.or(below.consecutive_failures),
            failure_ratio: self.failure_ratio.or(below.failure_ratio),
            min_requests: self.min_requests.or(below.min_requests),
        }
    }

    fn rules(self) -> BreakerRules {
        let seconds =
            |given: Option<Positive>, default| given.map_or(Duration::from_secs(default), Positive::get);
        BreakerRules {
            half_open_requests: self.half_open_requests.unwrap_or(3).into(),
            interval: seconds(self.interval, 30),
            bucket_period: seconds(self.bucket_period, 10),
            open_timeout: seconds(self.open_timeout, 5),
            consecutive_failures: self.consecutive_failures.unwrap_or(100).into(),
            failure_ratio: self.failure_ratio.map_or(0.3, Fraction::get),
            min_requests: self.min_requests.unwrap_or(10).into(),
        }
    }
}
