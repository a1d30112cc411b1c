//! Makes a [`LoadPlan`] of the `loadgen` section of the lab file, the workload and the flags.

use std::collections::BTreeMap;
use std::time::Duration;

use daemon_core::lab::Lab;
use daemon_core::values::{HostPort, Positive, Span};
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::ConfigError;
use super::limit::Limit;
use super::presets::{PresetOrFile, WORKLOADS, folder_of};
use crate::cli::Cli;
use crate::keys::{KeySpace, MAX_KEYS};
use crate::pacer::Pacer;
use crate::payload::{MAX_SIZE, Sizes};
use crate::plan::{ClientPlan, LoadPlan, Pace};
use crate::popularity::Popularity;
use crate::profile::{LoadProfile, Rate};
use crate::value::MIN_SIZE;
use crate::workload::OpMix;
use crate::workload_file::UserWorkload;

const DEFAULT_WORKLOAD: &str = "mixed";
/// The number of workers of a closed loop, and the minimum of an open loop.
const DEFAULT_WORKERS: u64 = 100;
/// The maximum for a derived number of workers. More of them would cost memory and send nothing more.
const MAX_DERIVED_WORKERS: u64 = 10_000;

/// The `loadgen` section.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoadSection {
    /// Read by `Lab::loadgen_addr`.
    #[serde(rename = "metrics_addr")]
    _metrics_addr: Option<HostPort>,
    /// [`read_workload`] reads it, even if the rest of the section is invalid.
    #[serde(rename = "workload")]
    _workload: Option<String>,
    #[schemars(range(min = Rate::MIN, max = Rate::MAX))]
    rate: Option<u32>,
    max_start_delay: Option<Positive>,
    think_time: Option<Span>,
    #[schemars(range(min = 1, max = 100_000))]
    concurrency: Option<u32>,
    #[schemars(range(min = 1, max = 64))]
    threads: Option<u32>,
    #[schemars(range(min = 1, max = MAX_KEYS))]
    keys: Option<u64>,
    hot_keys: Option<u64>,
    /// Bytes. The header that makes a value verifiable needs 32; memcached's default item limit is 1 MiB.
    #[schemars(range(min = MIN_SIZE, max = MAX_SIZE))]
    value_size: Option<u32>,
    pub(super) ready_timeout: Option<Positive>,
    seed: Option<u64>,
}

/// The section without a schema: its workload can be read even if other keys are invalid.
type AnyKeys = BTreeMap<String, serde_json::Value>;

/// The workload that the flag names, else the lab file, else the default.
pub(super) fn read_workload(lab: &Lab, cli: &Cli) -> Result<UserWorkload, ConfigError> {
    let section = lab.section::<AnyKeys>("loadgen")?;
    let choice = match (&cli.workload, section.get("workload").and_then(serde_json::Value::as_str)) {
        (Some(choice), _) => choice.clone(),
        (None, Some(text)) => {
            let problem = |rule: String| {
                lab.document().problem("loadgen/workload", format!("`workload` is `{text}`, {rule}"))
            };
            PresetOrFile::parse(WORKLOADS, text).map_err(problem)?.relative_to(folder_of(lab))
        }
        (None, None) => PresetOrFile::parse(WORKLOADS, DEFAULT_WORKLOAD)
            .map_err(|rule| lab.document().problem("loadgen", rule))?,
    };
    Ok(UserWorkload::read(&choice.read()?)?)
}

/// Flags override the lab file, and the lab file overrides the workload. One exception: the rate of the workload overrides
/// the rate of the lab file.
pub(super) fn plan(
    lab: &Lab,
    section: &LoadSection,
    cli: &Cli,
    workload: UserWorkload,
    client: &ClientPlan,
) -> Result<LoadPlan, ConfigError> {
    let pace = pace(lab, section, cli, workload.load, client.timeouts.operation)?;
    let derived = derived_workers(&pace, client.timeouts.operation);
    let workers = cli.concurrency.or(section.concurrency).map_or(derived, u64::from);
    let threads = cli.threads.or(section.threads).unwrap_or(1).into();
    let limit = |limit, what| Limit {
        flag: cli.threads.map(|_| "--threads"),
        key: "threads",
        value: threads,
        limit,
        what,
    };
    limit(workers, "workers").check(lab)?;
    limit(client.pool_size as u64, "connections per node").check(lab)?;
    let popularity = popularity(lab, section, cli, workload.popularity)?;
    Ok(LoadPlan {
        threads: threads as usize,
        workers: workers as usize,
        pace,
        warm_up: if section.keys.is_some() { popularity.keys() } else { workload.warm_up },
        mix: OpMix::new(workload.weights, popularity),
        sizes: section.value_size.map_or(workload.sizes, |size| Sizes::Fixed(size as usize)),
        ttls: workload.ttls,
        workload: workload.name,
        seed: cli.seed.or(section.seed).unwrap_or_else(|| fastrand::u64(..)),
    })
}

fn pace(
    lab: &Lab,
    section: &LoadSection,
    cli: &Cli,
    of_workload: Option<LoadProfile>,
    op_timeout: Duration,
) -> Result<Pace, ConfigError> {
    if section.rate.is_some() && section.think_time.is_some() {
        let message = "`think_time` and `rate` cannot both be set: `think_time` is for a closed loop, `rate` for an open loop";
        return Err(lab.document().problem("loadgen/think_time", message).into());
    }
    let constant = |rate: u32| Rate::new(rate).map(LoadProfile::Constant);
    let profile = match (cli.rate, cli.think_time) {
        (Some(rate), _) => constant(rate),
        (None, Some(_)) => None,
        (None, None) => of_workload.or_else(|| section.rate.and_then(constant)),
    };
    Ok(match profile {
        Some(profile) => {
            let delay = cli.max_start_delay.or(section.max_start_delay);
            Pace::Open { profile, max_start_delay: delay.map_or(op_timeout, Positive::get) }
        }
        None => {
            let think_time = cli.think_time.or(section.think_time).unwrap_or_default().get();
            Pace::Closed(Pacer { think_time })
        }
    })
}

/// One worker for each operation that starts within one operation timeout. Even if every operation times out, the next one
/// finds a free worker, so a node that hangs does not delay operations of other nodes.
fn derived_workers(pace: &Pace, op_timeout: Duration) -> u64 {
    match pace {
        Pace::Closed(_) => DEFAULT_WORKERS,
        Pace::Open { profile, .. } => {
            let at_once = (f64::from(profile.peak().get()) * op_timeout.as_secs_f64()).ceil() as u64;
            at_once.clamp(DEFAULT_WORKERS, MAX_DERIVED_WORKERS)
        }
    }
}

fn popularity(
    lab: &Lab,
    section: &LoadSection,
    cli: &Cli,
    of_workload: Popularity,
) -> Result<Popularity, ConfigError> {
    let hot_keys = cli.hot_keys.or(section.hot_keys);
    let space = match of_workload {
        Popularity::Zipf(_) => {
            let message = |what: &str| format!("{what} cannot be used with a workload that sets `zipf`");
            return match (cli.hot_keys, section.hot_keys, section.keys) {
                (Some(_), ..) => Err(ConfigError::Flags(message("--hot-keys"))),
                (None, Some(_), _) => {
                    Err(lab.document().problem("loadgen/hot_keys", message("`hot_keys`")).into())
                }
                (None, None, Some(_)) => {
                    Err(lab.document().problem("loadgen/keys", message("`keys`")).into())
                }
                (None, None, None) => Ok(of_workload),
            };
        }
        Popularity::Hot(space) => space,
    };
    let keys = section.keys.unwrap_or(space.keys);
    // If there are fewer keys than the workload has hot keys, all of them are hot.
    let hot_keys = hot_keys.unwrap_or(space.hot_keys.min(keys));
    let flag = cli.hot_keys.map(|_| "--hot-keys");
    Limit { flag, key: "hot_keys", value: hot_keys, limit: keys, what: "keys" }.check(lab)?;
    Ok(Popularity::Hot(KeySpace { keys, hot_keys }))
}
