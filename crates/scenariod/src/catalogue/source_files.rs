//! Finds the files of a check and tells what each of them holds by its keys: scenarios, a playlist or a lab. Checks no
//! value.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::suggest::nearest;
use daemon_core::yaml::{Document, ReadError};

use crate::catalogue::CatalogueError;

/// A file's name and text.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    Scenarios,
    Playlist,
    Lab,
    /// Nothing of the lab: a file of another program.
    Other,
}

/// The keys that only a file of the kind has.
const KEYS: [(FileKind, &[&str]); 3] = [
    (FileKind::Scenarios, &["family", "scenarios"]),
    (FileKind::Playlist, &["playlist", "entries"]),
    (FileKind::Lab, &["servers", "loadgen", "client", "scenariod"]),
];

/// The kind of a file, by the keys of its top level.
pub(crate) fn file_kind(source: &Source) -> FileKind {
    let keys = keys(source);
    let of = |word: &str| KEYS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind);
    let count = |kind: FileKind| keys.iter().filter(|key| of(key) == Some(kind)).count();
    // `max_by_key` returns the last maximum, so the order is reversed to prefer the first.
    let best = KEYS.iter().rev().map(|(kind, _)| *kind).max_by_key(|kind| count(*kind));
    best.filter(|kind| count(*kind) > 0).unwrap_or(FileKind::Other)
}

/// The kind that a file probably has, by keys with a typo.
pub(crate) fn guess_kind(source: &Source) -> FileKind {
    let words = || KEYS.iter().flat_map(|(_, words)| words.iter().copied());
    let near = keys(source).iter().find_map(|key| nearest(key, words()));
    let of = |word: &str| KEYS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind);
    near.and_then(of).unwrap_or(FileKind::Other)
}

fn keys(source: &Source) -> BTreeSet<String> {
    match Document::parse(source.name.as_str(), source.text.as_str()) {
        Ok(document) => document.keys().map(str::to_owned).collect(),
        // The reader of that kind reports the syntax error. The correct lines are enough to find the kind.
        Err(_) => {
            let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
            source.text.lines().filter_map(key).collect()
        }
    }
}

/// Every given file and every YAML file below the given folders, in the order of the paths. The second list has the files
/// that cannot be read.
pub(crate) fn read_files(paths: &[PathBuf]) -> (Vec<InputFile>, Vec<ReadError>) {
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            let mut found = Vec::new();
            descend(path, &mut found, &mut unreadable);
            files.extend(found.into_iter().map(|path| (path, false)));
        } else {
            files.push((path.clone(), true));
        }
    }
    let mut seen = BTreeSet::new();
    let mut sources = Vec::new();
    for (path, by_name) in files.into_iter().filter(|(path, _)| seen.insert(path.clone())) {
        match Document::read_text(&path) {
            Ok(text) => {
                let source = Source { name: path.display().to_string(), text };
                sources.push(InputFile { source, by_name });
            }
            Err(error) => unreadable.push(error),
        }
    }
    (sources, unreadable)
}

/// A file of a check.
pub(crate) struct InputFile {
    pub(crate) source: Source,
    /// Is the file itself given, not a folder above it?
    pub(crate) by_name: bool,
}

/// Every YAML file of a folder, sorted by name.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<Source>, CatalogueError> {
    let unreadable = |source| ReadError { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_yaml(&path) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(CatalogueError::Empty { path: folder.to_owned() });
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}

/// One file.
pub(crate) fn read_file(path: &Path) -> Result<Source, CatalogueError> {
    Ok(Source { name: path.display().to_string(), text: Document::read_text(path)? })
}

/// Does not follow links to folders, because they may lead back, and skips hidden folders.
fn descend(folder: &Path, found: &mut Vec<PathBuf>, unreadable: &mut Vec<ReadError>) {
    let entries = match sorted(folder) {
        Ok(entries) => entries,
        Err(source) => return unreadable.push(ReadError { path: folder.to_owned(), source }),
    };
    for (path, is_folder) in entries {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_folder && !hidden {
            descend(&path, found, unreadable);
        } else if !is_folder && is_yaml(&path) {
            found.push(path);
        }
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok((entry.path(), entry.file_type()?.is_dir()))
    };
    let mut entries = fs::read_dir(folder)?.map(entry).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    Ok(entries)
}

pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { name: "x.yaml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_keys_of_a_file_tell_its_kind() {
        for (text, expected) in [
            ("family: x\nphases: {}\nscenarios: []\n", FileKind::Scenarios),
            ("servers: []\n", FileKind::Lab),
            ("loadgen: {}\nscenariod: {}\n", FileKind::Lab),
            ("playlist: x\nentries: []\n", FileKind::Playlist),
            ("services: {}\n", FileKind::Other),
            ("- a\n", FileKind::Other),
            ("", FileKind::Other),
            ("servers: [\n", FileKind::Lab),
        ] {
            assert_eq!(file_kind(&source(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_key_with_a_typo_still_tells_the_kind() {
        assert_eq!(guess_kind(&source("sevrers: []\n")), FileKind::Lab);
        assert_eq!(guess_kind(&source("playlst: x\n")), FileKind::Playlist);
        assert_eq!(guess_kind(&source("zebra: x\n")), FileKind::Other);
    }
}
