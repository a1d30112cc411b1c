//! Which files a check means and what each of them is: scenarios, a playlist or a lab. Looks at no value.

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

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Scenarios,
    Playlist,
    Lab,
    /// Another program's.
    Other,
}

/// The keys by which each kind is known.
const KEYS: [(Kind, &[&str]); 3] = [
    (Kind::Scenarios, &["family", "scenarios"]),
    (Kind::Playlist, &["playlist", "entries"]),
    (Kind::Lab, &["servers", "loadgen", "client", "scenariod"]),
];

/// What a file is by the keys of its top level.
pub(crate) fn kind(source: &Source) -> Kind {
    let keys = keys(source);
    let of = |word: &str| KEYS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind);
    let count = |kind: Kind| keys.iter().filter(|key| of(key) == Some(kind)).count();
    // Of two that fit equally well the first.
    let best = KEYS.iter().rev().map(|(kind, _)| *kind).max_by_key(|kind| count(*kind));
    best.filter(|kind| count(*kind) > 0).unwrap_or(Kind::Other)
}

/// What a file is most likely meant to be, by keys that are only nearly right.
pub(crate) fn meant(source: &Source) -> Kind {
    let words = || KEYS.iter().flat_map(|(_, words)| words.iter().copied());
    let near = keys(source).iter().find_map(|key| nearest(key, words()));
    let of = |word: &str| KEYS.iter().find(|(_, words)| words.contains(&word)).map(|(kind, _)| *kind);
    near.and_then(of).unwrap_or(Kind::Other)
}

fn keys(source: &Source) -> BTreeSet<String> {
    match Document::parse(source.name.as_str(), source.text.as_str()) {
        Ok(document) => document.keys().map(str::to_owned).collect(),
        // What is wrong is told by whoever reads it; the lines that are right say who that is.
        Err(_) => {
            let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
            source.text.lines().filter_map(key).collect()
        }
    }
}

/// Every YAML file below the folders and every file named, in the order named; what cannot be read comes apart.
pub(crate) fn read(paths: &[PathBuf]) -> (Vec<Named>, Vec<ReadError>) {
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
                sources.push(Named { source, by_name });
            }
            Err(error) => unreadable.push(error),
        }
    }
    (sources, unreadable)
}

/// A file that was read.
pub(crate) struct Named {
    pub(crate) source: Source,
    /// Itself, not the folder it is in.
    pub(crate) by_name: bool,
}

/// Every YAML file of a folder, by name.
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

/// Links to folders are not followed: they may lead back. Folders that hide themselves hold nothing of the lab.
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
    fn a_file_is_what_its_keys_say() {
        for (text, expected) in [
            ("family: x\nphases: {}\nscenarios: []\n", Kind::Scenarios),
            ("servers: []\n", Kind::Lab),
            ("loadgen: {}\nscenariod: {}\n", Kind::Lab),
            ("playlist: x\nentries: []\n", Kind::Playlist),
            ("services: {}\n", Kind::Other),
            ("- a\n", Kind::Other),
            ("", Kind::Other),
            ("servers: [\n", Kind::Lab),
        ] {
            assert_eq!(kind(&source(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_file_with_a_typo_is_still_read_as_what_it_was_meant_to_be() {
        assert_eq!(meant(&source("sevrers: []\n")), Kind::Lab);
        assert_eq!(meant(&source("playlst: x\n")), Kind::Playlist);
        assert_eq!(meant(&source("zebra: x\n")), Kind::Other);
    }
}
