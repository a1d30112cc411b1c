//! The image is built from every file that is compiled into the daemons.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files that a source file includes as text, relative to the root.
fn included(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let quoted =
        text.split("include_str!(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
    let folder = file.parent().unwrap();
    quoted
        .map(|path| folder.join(path).canonicalize().unwrap().strip_prefix(root()).unwrap().to_owned())
        .collect()
}

#[test]
fn dockerignore_admits_every_file_that_the_daemons_include() {
    let ignore = fs::read_to_string(root().join(".dockerignore")).unwrap();
    let admitted: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let mut sources = Vec::new();
    for crate_ in ["daemon-core", "metrics-core", "loadgen", "scenariod"] {
        rust_files(&root().join("crates").join(crate_).join("src"), &mut sources);
    }
    let included: Vec<PathBuf> = sources.iter().flat_map(|file| included(file)).collect();
    assert!(included.len() > 10, "{included:?}");
    let missing: Vec<&PathBuf> =
        included.iter().filter(|path| !admitted.iter().any(|entry| path.starts_with(entry))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
