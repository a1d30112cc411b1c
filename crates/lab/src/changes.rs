//! Compares the services that were written with those that are supervised. Nothing is changed here.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};

use crate::home::Home;

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

/// A line for each service. The services to remove come first, because they may hold a port of a new one.
pub(crate) fn text(home: &Home) -> Result<String, ChangesError> {
    let (old, new) = (home.services(), home.new_services());
    let (before, after) = (names(&old)?, names(&new)?);
    let stamp = |folder: &Path, name: &str| fs::read(folder.join(name).join("stamp")).ok();
    let removed = before.difference(&after).map(|name| format!("remove {name}\n"));
    let others = after.iter().map(|name| {
        let word = if !before.contains(name) {
            "add"
        } else if stamp(&old, name) == stamp(&new, name) {
            "keep"
        } else {
            "restart"
        };
        format!("{word} {name}\n")
    });
    Ok(removed.chain(others).collect())
}

fn names(folder: &Path) -> Result<BTreeSet<String>, ChangesError> {
    let failed = |source| ChangesError { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if entry.path().is_dir() {
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
        let home = Home::open(folder.path()).unwrap();
        let put = |services: PathBuf, name: &str, stamp: &str| {
            fs::create_dir_all(services.join(name)).unwrap();
            fs::write(services.join(name).join("stamp"), stamp).unwrap();
        };
        for (name, stamp) in [("same", "1"), ("changed", "1"), ("gone", "1")] {
            put(home.services(), name, stamp);
        }
        for (name, stamp) in [("same", "1"), ("changed", "2"), ("new", "1")] {
            put(home.new_services(), name, stamp);
        }
        assert_eq!(text(&home).unwrap(), "remove gone\nrestart changed\nadd new\nkeep same\n");
    }
}
