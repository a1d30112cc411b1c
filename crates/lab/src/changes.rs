//! Compares the services that were written with those that are supervised. Nothing is changed here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};

/// How one service changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The lab no longer has it.
    Remove(String),
    /// It is new.
    Add(String),
    /// Its stamp differs.
    Restart(String),
}

/// The services cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .path.display())]
pub(crate) struct ChangesError {
    path: PathBuf,
    source: io::Error,
}

impl UserError for ChangesError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }
}

/// The changes from the folder of the supervised services to that of the written ones. The services to remove come first, because
/// they may hold a port of a new one.
pub(crate) fn changes(old: &Path, new: &Path) -> Result<Vec<Change>, ChangesError> {
    let (before, after) = (names(old)?, names(new)?);
    let stamp = |folder: &Path, name: &str| fs::read(folder.join(name).join("stamp")).ok();
    let removed = before.difference(&after).cloned().map(Change::Remove);
    let changed = after.iter().filter_map(|name| match before.contains(name) {
        false => Some(Change::Add(name.clone())),
        true if stamp(old, name) != stamp(new, name) => Some(Change::Restart(name.clone())),
        true => None,
    });
    Ok(removed.chain(changed).collect())
}

/// The names of the services in a folder. A folder that does not exist has none.
pub(crate) fn names(folder: &Path) -> Result<BTreeSet<String>, ChangesError> {
    let failed = |source| ChangesError { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        // Beside the services there is a link to runsv.
        if entry.file_type().map_err(failed)?.is_dir() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_added_kept_restarted_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let put = |services: &Path, name: &str, stamp: &str| {
            fs::create_dir_all(services.join(name)).unwrap();
            fs::write(services.join(name).join("stamp"), stamp).unwrap();
        };
        for (name, stamp) in [("same", "1"), ("changed", "1"), ("gone", "1")] {
            put(&old, name, stamp);
        }
        for (name, stamp) in [("same", "1"), ("changed", "2"), ("new", "1")] {
            put(&new, name, stamp);
        }
        let [gone, changed, added] = ["gone", "changed", "new"].map(str::to_owned);
        assert_eq!(
            changes(&old, &new).unwrap(),
            [Change::Remove(gone), Change::Restart(changed), Change::Add(added)]
        );
        assert_eq!(names(&folder.path().join("none")).unwrap(), BTreeSet::new());
    }
}
