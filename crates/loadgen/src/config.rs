//! From the lab file and the flags to a [`Plan`]: the raw types that serde fills, the defaults, and what no schema can
//! check. Nothing here reads a file or dials.

use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::values::{HostPort, Positive, Ratio, Span};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::cli::Cli;
use crate::keys::{KeySpace, MAX_KEYS};
use crate::pacer::Pacer;
use crate::plan::{ClientPlan, LoadPlan, Plan, Target};
use crate::stack::Timeouts;
use crate::stack::breaker::BreakerRules;
use crate::workload::Workload;

const METRICS_ADDR: &str = "127.0.0.1:9090";

/// The `loadgen` section.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LoadSection {
    metrics_addr: Option<HostPort>,
    workload: Option<RawWorkload>,
    #[schemars(range(min = 1, max = 100_000))]
    concurrency: Option<u32>,
    #[schemars(range(min = 1, max = 64))]
    threads: Option<u32>,
    #[schemars(range(min = 1, max = MAX_KEYS))]
    keys: Option<u64>,
    hot_keys: Option<u64>,
    /// Bytes; the header that makes a value verifiable needs 32, memcached's default item limit is 1 MiB.
    #[schemars(range(min = 32, max = 1_000_000))]
    value_size: Option<u32>,
    think_time: Option<Span>,
    ready_timeout: Option<Positive>,
    seed: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum RawWorkload {
    Mixed,
    Get,
    GetHeavy,
    SetHeavy,
}

/// The `client` section.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClientSection {
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

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("{flag} is {value}, but there are only {limit} {what}")]
    Flag { flag: &'static str, value: u64, limit: u64, what: &'static str },
}

impl UserError for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl From<RawWorkload> for Workload {
    fn from(raw: RawWorkload) -> Self {
        match raw {
            RawWorkload::Mixed => Self::Mixed,
            RawWorkload::Get => Self::Get,
            RawWorkload::GetHeavy => Self::GetHeavy,
            RawWorkload::SetHeavy => Self::SetHeavy,
        }
    }
}

/// Where this daemon serves metrics, by the lab file.
pub(crate) fn metrics_addr(lab: &Lab) -> Result<HostPort, ConfigError> {
    Ok(file_addr(lab, &lab.section("loadgen")?)?)
}

fn file_addr(lab: &Lab, section: &LoadSection) -> Result<HostPort, LabError> {
    let wrong = |message| LabError::Wrong(lab.document().problem("loadgen", message).into());
    let addr = section.metrics_addr.clone().map_or_else(|| METRICS_ADDR.parse().map_err(wrong), Ok)?;
    Ok(addr.offset(lab.port_offset))
}

/// Both sections, with the problems of both in one answer.
fn sections(lab: &Lab) -> Result<(LoadSection, ClientSection), LabError> {
    match (lab.section("loadgen"), lab.section("client")) {
        (Ok(load), Ok(client)) => Ok((load, client)),
        (Err(LabError::Wrong(mut first)), Err(LabError::Wrong(second))) => {
            first.extend(second);
            Err(LabError::Wrong(first))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The plan of one run: flags win over the lab file, the lab file over the defaults.
pub(crate) fn plan(lab: &Lab, cli: &Cli) -> Result<Plan, ConfigError> {
    let (load, client) = sections(lab)?;
    let breaker = breaker(lab, client.breaker.unwrap_or_default())?;
    let duration = |flag: Option<Positive>, file: Option<Positive>, default: u64| {
        flag.or(file).map_or(Duration::from_millis(default), Positive::get)
    };
    let count =
        |flag: Option<u32>, file: Option<u32>, default: u32| flag.or(file).unwrap_or(default) as usize;

    let workers = count(cli.concurrency, load.concurrency, 100);
    let pool_size = count(cli.pool_size, client.pool_size, 100);
    let threads = count(cli.threads, load.threads, 1);
    let keys = load.keys.unwrap_or(10_000);
    // A key space smaller than the default number of hot keys is wholly hot.
    let hot_keys = cli.hot_keys.or(load.hot_keys).unwrap_or_else(|| keys.min(10));
    let limits = [
        Limit {
            flag: "--hot-keys",
            given: cli.hot_keys.is_some(),
            key: "hot_keys",
            value: hot_keys,
            limit: keys,
            what: "keys",
        },
        Limit {
            flag: "--threads",
            given: cli.threads.is_some(),
            key: "threads",
            value: threads as u64,
            limit: workers as u64,
            what: "workers",
        },
        Limit {
            flag: "--threads",
            given: cli.threads.is_some(),
            key: "threads",
            value: threads as u64,
            limit: pool_size as u64,
            what: "connections per node",
        },
    ];
    limits.iter().try_for_each(|limit| limit.check(lab))?;

    let workload = cli.workload.unwrap_or_else(|| load.workload.map_or(Workload::Mixed, Workload::from));
    let think_time = cli.think_time.or(load.think_time).unwrap_or_default().get();
    Ok(Plan {
        metrics_addr: match &cli.metrics_addr {
            Some(addr) => addr.clone(),
            None => file_addr(lab, &load)?,
        },
        nodes: targets(lab, cli),
        load: LoadPlan {
            threads,
            workers,
            pacer: Pacer::Closed { think_time },
            weights: workload.weights(),
            keys: KeySpace { keys, hot_keys },
            value_size: load.value_size.unwrap_or(100) as usize,
            seed: cli.seed.or(load.seed).unwrap_or_else(|| fastrand::u64(..)),
        },
        client: ClientPlan {
            pool_size,
            timeouts: Timeouts {
                operation: duration(cli.op_timeout, client.op_timeout, 500),
                connect: duration(cli.connect_timeout, client.connect_timeout, 500),
            },
            breaker,
        },
        ready_timeout: duration(None, load.ready_timeout, 30_000),
        duration: cli.duration.map(Positive::get),
    })
}

/// `dial`, never `upstream`: the load has to meet the proxy.
fn targets(lab: &Lab, cli: &Cli) -> Vec<Target> {
    let target =
        |name: &dyn ToString, dial: &HostPort| Target { name: name.to_string(), dial: dial.to_string() };
    match &cli.servers {
        Some(named) => named.0.iter().map(|(name, address)| target(name, address)).collect(),
        None => lab.servers.iter().map(|server| target(&server.name, &server.dial)).collect(),
    }
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
        return Err(LabError::Wrong(Problems::from(
            lab.document().problem("client/breaker/bucket_period", message),
        )));
    }
    Ok(rules)
}

/// A number that another number bounds, wherever the two came from.
struct Limit {
    flag: &'static str,
    given: bool,
    key: &'static str,
    value: u64,
    limit: u64,
    what: &'static str,
}

impl Limit {
    fn check(&self, lab: &Lab) -> Result<(), ConfigError> {
        let Self { flag, given, key, value, limit, what } = *self;
        if value <= limit {
            return Ok(());
        }
        if given {
            return Err(ConfigError::Flag { flag, value, limit, what });
        }
        let message = format!("`{key}` is {value}, but there are only {limit} {what}");
        Err(LabError::Wrong(lab.document().problem(&format!("loadgen/{key}"), message).into()).into())
    }
}

#[cfg(test)]
mod tests;
