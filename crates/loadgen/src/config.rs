//! Combines the lab file, the workload and the flags to a [`Plan`]. The raw types and the defaults of each section are in
//! the files beside this one. Nothing here connects to a node.

mod client;
pub(crate) mod error;
pub(crate) mod failover;
mod limit;
mod load;
pub(crate) mod presets;

use std::time::Duration;

use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::values::{HostPort, Positive};

use crate::cli::{Cli, ClientFlags};
use crate::plan::{Plan, SummaryFormat, Target};
use crate::workload_file::UserWorkload;
use client::ClientSection;
pub(crate) use error::ConfigError;
use load::LoadSection;
use presets::PresetOrFile;

/// The address in the lab file on which this daemon serves metrics.
pub(crate) fn metrics_addr(lab: &Lab) -> Result<HostPort, ConfigError> {
    let _: LoadSection = lab.section("loadgen")?;
    Ok(lab.loadgen_addr()?)
}

/// Reads both sections and the files that they name. The error has the problems of all of them.
fn read_sections(lab: &Lab, cli: &Cli) -> Result<(LoadSection, ClientSection, UserWorkload), ConfigError> {
    let mut problems = Problems::default();
    let load = put_problems_aside(lab.section("loadgen").map_err(ConfigError::from), &mut problems)?;
    let client = put_problems_aside(client::read_section(lab, &cli.client), &mut problems)?;
    let workload = put_problems_aside(load::read_workload(lab, cli), &mut problems)?;
    match (load, client, workload) {
        (Some(load), Some(client), Some(workload)) if problems.0.is_empty() => Ok((load, client, workload)),
        _ => Err(problems.into()),
    }
}

/// Moves the problems of a file into `problems`. Any other error is returned.
fn put_problems_aside<T>(
    result: Result<T, ConfigError>,
    problems: &mut Problems,
) -> Result<Option<T>, ConfigError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ConfigError::Lab(LabError::Wrong(more))) => {
            problems.extend(more);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The plan of one run. Flags override the lab file, and the lab file overrides the defaults.
pub(crate) fn plan(lab: &Lab, cli: &Cli) -> Result<Plan, ConfigError> {
    let (section, client, workload) = read_sections(lab, cli)?;
    let client = client::plan(client, &cli.client)?;
    Ok(Plan {
        metrics_addr: match &cli.metrics_addr {
            Some(addr) => addr.clone(),
            None => lab.loadgen_addr()?,
        },
        nodes: targets(lab, cli),
        load: load::plan(lab, &section, cli, workload, &client)?,
        client,
        ready_timeout: section.ready_timeout.map_or(Duration::from_secs(30), Positive::get),
        duration: cli.duration.map(Positive::get),
        summary: if cli.json { SummaryFormat::Json } else { SummaryFormat::Text },
    })
}

/// Checks a client file.
pub(crate) fn check_client(choice: &PresetOrFile) -> Result<(), ConfigError> {
    client::plan(client::read_file(choice)?, &ClientFlags::default()).map(|_| ())
}

/// The load uses `dial`, never `upstream`: it must go through the proxy. `--servers` names no `upstream`.
fn targets(lab: &Lab, cli: &Cli) -> Vec<Target> {
    let target = |name: &dyn ToString, dial: &HostPort, upstream: Option<&HostPort>| Target {
        name: name.to_string(),
        dial: dial.to_string(),
        upstream: upstream.map(ToString::to_string),
    };
    match &cli.servers {
        Some(named) => named.0.iter().map(|(name, address)| target(name, address, None)).collect(),
        None => lab
            .servers
            .iter()
            .map(|server| target(&server.name, &server.dial, Some(&server.upstream)))
            .collect(),
    }
}

#[cfg(test)]
mod tests;
