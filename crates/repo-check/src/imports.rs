//! Which file of a crate imports which, and the circles among them. Test code is left out. Pure: it is handed the texts.
//!
//! Nodes are files. A reference points at the file that defines the name, whatever re-exports lie on the way. A parent's
//! own `mod` and `pub use` lines are no references.

mod attributes;
mod error;
mod graph;
mod reader;
mod resolve;
mod tokens;
mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

pub use error::ImportError;
pub use graph::Circle;

/// The texts of a crate's `src`, by path relative to it.
#[derive(Debug)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads every Rust file below a folder.
    pub fn read(folder: &Path) -> io::Result<Self> {
        fn read(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if entry.file_type()?.is_dir() {
                    read(&entry.path(), &format!("{name}/"), texts)?;
                } else if name.ends_with(".rs") {
                    texts.insert(name, fs::read_to_string(entry.path())?);
                }
            }
            Ok(())
        }
        let mut texts = BTreeMap::new();
        read(folder, "", &mut texts)?;
        Ok(Self(texts))
    }

    /// Texts that are not on disk.
    pub fn planted<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(files.into_iter().map(|(path, text)| (path.to_owned(), text.to_owned())).collect())
    }
}

/// The circles of files in a crate, largest first. `name` is the crate's name as code spells it.
pub fn circles(name: &str, sources: &Sources) -> Result<Vec<Circle>, ImportError> {
    Ok(graph::circles(&reader::read(name, &sources.0)?))
}

#[cfg(test)]
mod tests;
