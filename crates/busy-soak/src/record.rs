//! The file of the results, one JSON object per line. It is appended to after each run, so that the soak can continue.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::SoakError;
use crate::plan::Trial;

/// How one run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrialResult {
    pub(crate) trial: Trial,
    /// The exit code of scenariod.
    pub(crate) exit: i32,
    /// The load average of the last minute, at the end.
    pub(crate) load: String,
    /// Failed and inconclusive expectations, with their reasons.
    pub(crate) problems: Vec<String>,
    /// What the lab's processes lacked, by phase.
    pub(crate) machine: Value,
}

impl TrialResult {
    pub(crate) fn describe(&self) -> String {
        let verdict = match self.exit {
            0 => "success".to_owned(),
            1 => "failed".to_owned(),
            3 => "inconclusive".to_owned(),
            other => format!("exit {other}"),
        };
        match self.problems.first() {
            Some(first) => format!("{verdict}: {first}"),
            None => verdict,
        }
    }
}

/// The results so far.
#[derive(Debug)]
pub(crate) struct Record {
    path: PathBuf,
    results: Vec<TrialResult>,
}

impl Record {
    /// Reads the results of earlier runs. Creates the folder.
    pub(crate) fn open(folder: &Path) -> Result<Record, SoakError> {
        let path = folder.join("results.jsonl");
        let failed = |cause| SoakError::File { path: path.clone(), cause };
        fs::create_dir_all(folder).map_err(failed)?;
        let text = if path.exists() { fs::read_to_string(&path).map_err(failed)? } else { String::new() };
        let mut results = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let result = serde_json::from_str(text);
            results.push(result.map_err(|cause| SoakError::Result { path: path.clone(), line, cause })?);
        }
        Ok(Record { path, results })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn find(&self, trial: &Trial) -> Option<&TrialResult> {
        self.results.iter().find(|result| result.trial == *trial)
    }

    pub(crate) fn has(&self, trial: &Trial) -> bool {
        self.find(trial).is_some()
    }

    pub(crate) fn add(&mut self, result: TrialResult) -> Result<(), SoakError> {
        let failed = |cause| SoakError::File { path: self.path.clone(), cause };
        let line = serde_json::to_string(&result).map_err(|error| failed(error.into()))? + "\n";
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(failed)?;
        file.write_all(line.as_bytes()).map_err(failed)?;
        self.results.push(result);
        Ok(())
    }
}
