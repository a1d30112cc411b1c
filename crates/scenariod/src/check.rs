//! `scenariod check`: every problem of every file at once. Offline.

use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;

use crate::aim;
use crate::catalogue::{self, CatalogueError, Source};
use crate::settings::{Settings, proxies};

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl UserError for CheckError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// Checks files and folders: scenarios, lab files. Without any, the built-in catalogue and the lab file in use.
/// Gives a line that says what was checked.
pub(crate) fn check(paths: &[PathBuf], config: Option<&Path>) -> Result<String, CheckError> {
    let (lab_files, scenario_files) = sources(paths)?;
    let mut problems = Problems::default();
    let mut labs = Vec::new();
    if lab_files.is_empty() {
        labs.push(sound(Lab::load(config), &mut problems)?);
    }
    for source in &lab_files {
        let lab = Lab::parse(source.name.as_str(), source.text.as_str(), 0);
        labs.push(sound(lab, &mut problems)?);
    }
    let files = scenario_files.len();
    let scenarios = match catalogue::scenarios(&scenario_files) {
        Ok(scenarios) => scenarios,
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    };
    for lab in labs.iter().flatten() {
        let servers: Vec<String> = proxies(lab).into_iter().map(|proxy| proxy.name).collect();
        scenarios.iter().for_each(|scenario| problems.extend(aim::check(scenario, &servers)));
    }
    problems.0.sort();
    problems.0.dedup();
    problems.or(())?;
    let nodes: usize = labs.iter().flatten().map(|lab| lab.servers.len()).sum();
    Ok(format!(
        "ok: {} scenarios in {files} files, {nodes} nodes in {} lab files\n",
        scenarios.len(),
        labs.len()
    ))
}

/// The lab if it and this daemon's section of it are sound; else what is wrong joins the other problems.
fn sound(lab: Result<Lab, LabError>, problems: &mut Problems) -> Result<Option<Lab>, LabError> {
    let checked = lab.and_then(|lab| Settings::new(&lab, None, None).map(|_| lab));
    match checked {
        Ok(lab) => Ok(Some(lab)),
        Err(LabError::Wrong(found)) => {
            problems.extend(found);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// Lab files and scenario files.
fn sources(paths: &[PathBuf]) -> Result<(Vec<Source>, Vec<Source>), CatalogueError> {
    if paths.is_empty() {
        return Ok((Vec::new(), catalogue::built_in()));
    }
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            all.extend(catalogue::read_folder(path)?);
        } else {
            all.push(catalogue::read_file(path)?);
        }
    }
    Ok(all.into_iter().partition(|source| is_lab_file(&source.text)))
}

/// Only a lab file has nodes.
fn is_lab_file(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("servers:"))
}
