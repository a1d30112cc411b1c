//! Why the soak cannot run.

use std::io;
use std::path::PathBuf;

use daemon_core::exit::{Exit, UserError};

/// Why the soak cannot run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SoakError {
    #[error("cannot use {}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    #[error("invalid result in {}, line {line}: {cause}", path.display())]
    Result { path: PathBuf, line: usize, cause: serde_json::Error },
    #[error("missing binary {}", .0.display())]
    Binary(PathBuf),
    #[error("cannot list the scenarios: {0}")]
    List(String),
    #[error(transparent)]
    Neighbour(#[from] testkit::StartError),
}

impl UserError for SoakError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            SoakError::Binary(_) => Some("`just soak-busy` builds it".to_owned()),
            SoakError::Result { .. } => Some("remove the line to run its scenario again".to_owned()),
            SoakError::File { .. } | SoakError::List(_) | SoakError::Neighbour(_) => None,
        }
    }
}
