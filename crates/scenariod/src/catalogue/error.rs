//! Why scenario and playlist files cannot be used.

use std::path::PathBuf;

use daemon_core::exit::{Exit, UserError};
use daemon_core::problems::Problems;
use daemon_core::yaml::ReadError;

/// What keeps a catalogue from being loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogueError {
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error("no scenario or playlist file (*.yaml) in {}", path.display())]
    Empty { path: PathBuf },
    #[error(transparent)]
    Problems(#[from] Problems),
}

impl UserError for CatalogueError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}
