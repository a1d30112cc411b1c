//! The `check` sub-command: checks lab, workload and client files and reports all problems at once. It connects to nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::yaml::{Document, ReadError};

use crate::cli::Cli;
use crate::config::presets::{PresetOrFile, is_yaml};
use crate::config::{self, ConfigError};
use crate::workload_file::UserWorkload;

/// Why a check failed.
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

/// Checks the given files, the YAML files directly in the given folders, or else the lab file. Returns a line for each file.
pub(crate) fn check(paths: &[PathBuf], cli: &Cli) -> Result<String, CheckError> {
    if paths.is_empty() {
        return check_one(cli.config.as_deref(), cli);
    }
    let mut report = String::new();
    let mut problems = Problems::default();
    for path in list_files(paths)? {
        match check_one(Some(&path), cli) {
            Ok(line) => report.push_str(&line),
            Err(CheckError::Wrong(more) | CheckError::Config(ConfigError::Lab(LabError::Wrong(more)))) => {
                problems.extend(more);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(problems.or(report)?)
}

fn check_one(path: Option<&Path>, cli: &Cli) -> Result<String, CheckError> {
    if let Some(path) = path {
        let choice = PresetOrFile::File(path.to_owned());
        let document = choice.read()?;
        let name = document.name();
        match FileKind::detect(&document)? {
            FileKind::Lab => {}
            FileKind::Workload => {
                let workload = UserWorkload::read(&document)?;
                return Ok(format!("{name}: ok, workload `{}`\n", workload.name));
            }
            FileKind::Client => {
                config::check_client(&choice)?;
                return Ok(format!("{name}: ok, a client\n"));
            }
        }
    }
    let lab = Lab::load(path).map_err(ConfigError::from)?;
    let plan = config::plan(&lab, cli)?;
    let nodes = if plan.nodes.len() == 1 { "node" } else { "nodes" };
    Ok(format!("{}: ok, {} {nodes}\n", lab.document().name(), plan.nodes.len()))
}

/// The kind of a file, which its keys show.
enum FileKind {
    Lab,
    Workload,
    Client,
}

impl FileKind {
    fn detect(document: &Document) -> Result<Self, Problems> {
        let keys: BTreeMap<String, serde_json::Value> = document.decode()?;
        let any = |of_kind: &[&str]| of_kind.iter().any(|key| keys.contains_key(*key));
        Ok(match () {
            () if any(&["servers", "loadgen", "client", "scenariod"]) => Self::Lab,
            () if any(&["weights", "name"]) => Self::Workload,
            () if any(&["pool_size", "op_timeout", "connect_timeout", "breaker"]) => Self::Client,
            // A file without any known key gets the messages for a lab file.
            () => Self::Lab,
        })
    }
}

fn list_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CheckError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| ConfigError::from(LabError::from(ReadError { path: path.clone(), source }));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.is_file() && is_yaml(&file) {
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
