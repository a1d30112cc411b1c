//! Runs one scenario on a lab of its own beside the work of its group. The lab is kept for the next run of the same group.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use metrics_core::families::machine::operation_rate;
use serde_json::Value;
use testkit::{BusyMachine, Daemon, Lab, Prometheus, command, find_workspace_bin, secs};

use crate::error::SoakError;
use crate::options::Group;
use crate::plan::{Trial, group_of};
use crate::record::TrialResult;

/// The breaker never opens.
const NO_BREAKER: [&str; 4] =
    ["--breaker-consecutive-failures", "1000000000", "--breaker-min-requests", "1000000000"];

/// A lab under load. The neighbours start when it answers.
pub(crate) struct RunningLab {
    group: Group,
    lab: Lab,
    prometheus: Prometheus,
    _loadgen: Daemon,
    _busy: Option<BusyMachine>,
}

fn binary(name: &str) -> Result<PathBuf, SoakError> {
    find_workspace_bin(name).map_err(SoakError::Binary)
}

/// The names of all shipped scenarios.
pub(crate) fn catalogue() -> Result<Vec<String>, SoakError> {
    let mut list: Command = command(binary("scenariod")?);
    let output =
        list.args(["list", "--json"]).output().map_err(|error| SoakError::List(error.to_string()))?;
    let json: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| SoakError::List(error.to_string()))?;
    let scenarios = json["scenarios"].as_array().into_iter().flatten();
    Ok(scenarios.filter_map(|scenario| scenario["name"].as_str().map(str::to_owned)).collect())
}

fn start(group: Group) -> Result<RunningLab, SoakError> {
    let lab = Lab::start(3);
    let prometheus = lab.prometheus();
    let client: &[&str] = if group == Group::NoBreaker { &NO_BREAKER } else { &[] };
    let loadgen = lab.loadgen(binary("loadgen")?, client);
    prometheus.wait_for(&operation_rate("5s"), secs(60), |series| {
        series.first().is_some_and(|rate| rate.value() > 0.0)
    });
    let busy = group.neighbour().map(|neighbour| BusyMachine::start(neighbour, lab.folder())).transpose()?;
    Ok(RunningLab { group, lab, prometheus, _loadgen: loadgen, _busy: busy })
}

/// Runs a trial.
pub(crate) fn run(
    trial: &Trial,
    time_scale: f64,
    kept: &mut Option<RunningLab>,
) -> Result<TrialResult, SoakError> {
    let group = group_of(trial).unwrap_or(Group::Quiet);
    let running = match kept.take().filter(|running| running.group == group) {
        Some(running) => running,
        None => start(group)?,
    };
    let (scale, url) = (time_scale.to_string(), running.prometheus.url());
    let args = [
        "--scenario",
        &trial.scenario,
        "--time-scale",
        &scale,
        "--prometheus",
        &url,
        "--json",
        "--linger",
        "0s",
    ];
    let daemon = running.lab.scenariod(binary("scenariod")?, args);
    let exit = daemon.wait_exit(Duration::from_secs(600));
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap_or_default();
    let result = result_of(trial, exit, &report["runs"][0]);
    *kept = Some(running);
    Ok(result)
}

fn result_of(trial: &Trial, exit: i32, run: &Value) -> TrialResult {
    let expectations = run["expectations"].as_array().into_iter().flatten();
    let problem = |expectation: &Value| {
        let text = |key: &str| expectation[key].as_str().unwrap_or_default();
        let is_problem = matches!(text("result"), "fail" | "inconclusive");
        is_problem.then(|| format!("{}: {}: {}", text("result"), text("name"), text("reason")))
    };
    let note = run["note"].as_str().map(str::to_owned);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    TrialResult {
        trial: trial.clone(),
        exit,
        load: load.split(' ').next().unwrap_or_default().to_owned(),
        problems: expectations.filter_map(problem).chain(note).collect(),
        machine: run["machine"].clone(),
    }
}
