//! The error of an invalid configuration. The checks are in the files beside this one.

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::LabError;
use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::ReadError;

/// Why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A workload or client file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error("{flag} is {value}, but there are only {limit} {what}")]
    Flag { flag: &'static str, value: u64, limit: u64, what: &'static str },
    #[error("{0}")]
    Flags(String),
}

impl From<Problems> for ConfigError {
    fn from(problems: Problems) -> Self {
        Self::Lab(LabError::Wrong(problems))
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Problems::from(problem).into()
    }
}

impl UserError for ConfigError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
