//! The `check` sub-command: lab, workload and client files as this daemon reads them, all problems at once. Dials nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::yaml::{Document, ReadError};

use crate::cli::Cli;
use crate::config::presets::Choice;
use crate::config::{self, ConfigError};
use crate::workload_file::UserWorkload;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Wrong(#[from] Problems),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("no YAML file in {}", .0.display())]
    Empty(PathBuf),
}

impl UserError for CheckError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Checks the files, those of a folder's first level, or the lab file; says what was checked.
pub(crate) fn check(paths: &[PathBuf], cli: &Cli) -> Result<String, CheckError> {
    if paths.is_empty() {
        return one(cli.config.as_deref(), cli);
    }
    let mut said = String::new();
    let mut problems = Problems::default();
    for path in files(paths)? {
        match one(Some(&path), cli) {
            Ok(line) => said.push_str(&line),
            Err(CheckError::Wrong(more) | CheckError::Config(ConfigError::Lab(LabError::Wrong(more)))) => {
                problems.extend(more);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(problems.or(said)?)
}

fn one(path: Option<&Path>, cli: &Cli) -> Result<String, CheckError> {
    if let Some(path) = path {
        let choice = Choice::File(path.to_owned());
        let document = choice.read()?;
        let name = document.name();
        match Kind::of(&document)? {
            Kind::Lab => {}
            Kind::Workload => {
                let workload = UserWorkload::read(&document)?;
                return Ok(format!("{name}: fine, workload `{}`\n", workload.name));
            }
            Kind::Client => {
                config::check_client(&choice)?;
                return Ok(format!("{name}: fine, a client\n"));
            }
        }
    }
    let lab = Lab::load(path).map_err(ConfigError::from)?;
    let plan = config::plan(&lab, cli)?;
    let nodes = if plan.nodes.len() == 1 { "node" } else { "nodes" };
    Ok(format!("{}: fine, {} {nodes}\n", lab.document().name(), plan.nodes.len()))
}

/// What a file is, by its keys.
enum Kind {
    Lab,
    Workload,
    Client,
}

impl Kind {
    fn of(document: &Document) -> Result<Self, Problems> {
        let keys: BTreeMap<String, serde_json::Value> = document.decode()?;
        let any = |of_kind: &[&str]| of_kind.iter().any(|key| keys.contains_key(*key));
        Ok(match () {
            () if any(&["servers", "loadgen", "client", "scenariod"]) => Self::Lab,
            () if any(&["weights", "name"]) => Self::Workload,
            () if any(&["pool_size", "op_timeout", "connect_timeout", "breaker"]) => Self::Client,
            // Where nothing is known, the lab file's messages tell what is missing.
            () => Self::Lab,
        })
    }
}

fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CheckError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable =
            |source| ConfigError::from(LabError::from(ReadError { path: path.clone(), source }));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() && file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                found.push(file);
            }
        }
        if found.is_empty() {
            return Err(CheckError::Empty(path.clone()));
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
