//! The `check` sub-command: lab files as this daemon reads them, all problems at once. Dials nothing.

use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::yaml::Unreadable;

use crate::cli::Cli;
use crate::config::{self, ConfigError};

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Wrong(#[from] Problems),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("no lab file in {}", .0.display())]
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
            Err(CheckError::Config(ConfigError::Lab(LabError::Wrong(more)))) => problems.extend(more),
            Err(error) => return Err(error),
        }
    }
    Ok(problems.or(said)?)
}

fn one(path: Option<&Path>, cli: &Cli) -> Result<String, CheckError> {
    let lab = Lab::load(path).map_err(ConfigError::from)?;
    let plan = config::plan(&lab, cli)?;
    let nodes = if plan.nodes.len() == 1 { "node" } else { "nodes" };
    Ok(format!("{}: fine, {} {nodes}\n", lab.document().name(), plan.nodes.len()))
}

fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CheckError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable =
            |source| ConfigError::from(LabError::from(Unreadable { path: path.clone(), source }));
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
