//! The `client` section of the lab file and the flags become a [`ClientPlan`].

use std::time::Duration;

use daemon_core::lab::{Lab, LabError};
use daemon_core::values::{Positive, Ratio};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::cli::Cli;
use crate::plan::ClientPlan;
use crate::stack::Timeouts;
use crate::stack::breaker::BreakerRules;

/// The `client` section.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientSection {
    #[schemars(range(min = 1, max = 100_000))]
    pool_size: Option<u32>,
    op_timeout: Option<Positive>,
    connect_timeout: Option<Positive>,
    breaker: Option<BreakerSection>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BreakerSection {
    #[schemars(range(min = 1))]
    half_open_requests: Option<u32>,
    interval: Option<Positive>,
    bucket_period: Option<Positive>,
    open_timeout: Option<Positive>,
    #[schemars(range(min = 1))]
    consecutive_failures: Option<u32>,
    failure_ratio: Option<Ratio>,
    #[schemars(range(min = 1))]
    min_requests: Option<u32>,
}

pub(super) fn plan(lab: &Lab, section: ClientSection, cli: &Cli) -> Result<ClientPlan, LabError> {
    let duration = |flag: Option<Positive>, file: Option<Positive>| {
        flag.or(file).map_or(Duration::from_millis(500), Positive::get)
    };
    Ok(ClientPlan {
        pool_size: cli.pool_size.or(section.pool_size).unwrap_or(100) as usize,
        timeouts: Timeouts {
            operation: duration(cli.op_timeout, section.op_timeout),
            connect: duration(cli.connect_timeout, section.connect_timeout),
        },
        breaker: breaker(lab, section.breaker.unwrap_or_default())?,
    })
}

fn breaker(lab: &Lab, raw: BreakerSection) -> Result<BreakerRules, LabError> {
    let seconds =
        |value: Option<Positive>, default| value.map_or(Duration::from_secs(default), Positive::get);
    let rules = BreakerRules {
        half_open_requests: raw.half_open_requests.unwrap_or(3).into(),
        interval: seconds(raw.interval, 30),
        bucket_period: seconds(raw.bucket_period, 10),
        open_timeout: seconds(raw.open_timeout, 5),
        consecutive_failures: raw.consecutive_failures.unwrap_or(100).into(),
        failure_ratio: raw.failure_ratio.map_or(0.3, Ratio::get),
        min_requests: raw.min_requests.unwrap_or(10).into(),
    };
    if rules.bucket_period > rules.interval {
        let message = "`bucket_period` must not be longer than `interval`";
        return Err(LabError::Wrong(lab.document().problem("client/breaker/bucket_period", message).into()));
    }
    Ok(rules)
}
