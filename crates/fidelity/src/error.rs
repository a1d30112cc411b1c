//! What can go wrong with a comparison, and what a user can do about it.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use testkit::{Process, StartError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum FidelityError {
    #[error("program {path} is not built", path = path.display())]
    NotBuilt { path: PathBuf },
    #[error("this process may use {count} CPU; it needs two")]
    Cpus { count: usize },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{program} failed: {status}\n{output}")]
    Ended { program: String, status: ExitStatus, output: String },
    #[error("{program}: timed out after {limit:?} waiting for {condition}")]
    Late { program: String, condition: &'static str, limit: Duration },
    #[error("cannot read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl FidelityError {
    /// The process did not do this in time.
    pub(crate) fn late(process: &Process, condition: &'static str, limit: Duration) -> Self {
        Self::Late { program: process.name().to_owned(), condition, limit }
    }
}

impl UserError for FidelityError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NotBuilt { .. }).then(|| "`just calibrate` builds it".to_owned())
    }
}
