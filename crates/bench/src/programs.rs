//! Where the programs are, with the benchmark's errors.

use std::path::{Path, PathBuf};

use crate::error::BenchError;

/// A third-party program.
pub(crate) fn find(name: &str) -> Result<PathBuf, BenchError> {
    testkit::find_program(name).ok_or_else(|| BenchError::Missing { name: name.to_owned() })
}

/// loadgen at `path`, or beside this program and built with the same profile.
pub(crate) fn loadgen(path: Option<&Path>) -> Result<PathBuf, BenchError> {
    let found = match path {
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => Err(path.to_owned()),
        None => testkit::find_workspace_bin("loadgen"),
    };
    found.map_err(|path| BenchError::NotBuilt { path })
}
