//! Where programs are: fetched ones in the lab's folder or on PATH, our own beside this one.

use std::env;
use std::path::{Path, PathBuf};

use crate::error::BenchError;

/// A third-party program: in `.lab/bin` of the working directory, else on PATH.
pub(crate) fn find(name: &str) -> Result<PathBuf, BenchError> {
    let path = env::var_os("PATH").unwrap_or_default();
    [PathBuf::from(".lab/bin")]
        .into_iter()
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .ok_or_else(|| BenchError::Missing { name: name.to_owned() })
}

/// loadgen: as named, else beside this program, built with the same profile.
pub(crate) fn loadgen(named: Option<&Path>) -> Result<PathBuf, BenchError> {
    named.map_or_else(|| ours("loadgen"), |path| built(path.to_owned()))
}

/// A program of this workspace, built with the same profile.
pub(crate) fn ours(name: &str) -> Result<PathBuf, BenchError> {
    let beside = env::current_exe()
        .map_err(|source| BenchError::Run { program: "lab-bench".to_owned(), source })?
        .with_file_name(name);
    built(beside)
}

fn built(path: PathBuf) -> Result<PathBuf, BenchError> {
    if path.is_file() { Ok(path) } else { Err(BenchError::NotBuilt { path }) }
}
