//! What keeps a crate from being read. No reading here.

/// A crate that cannot be read as a tree of modules.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not valid Rust.
    #[error("{file}:{line}: {cause}")]
    Syntax {
        /// The file, relative to `src`.
        file: String,
        /// Its line.
        line: usize,
        /// The parser's words.
        cause: String,
    },
    /// A `mod` line without a file.
    #[error("{file}: no file for `mod {module};`")]
    NoFile {
        /// The file with the line.
        file: String,
        /// The module it declares.
        module: String,
    },
    /// Files that no `mod` line leads to. The compiler does not read them either.
    #[error("no `mod` line leads to {}", .0.join(", "))]
    Unreached(Vec<String>),
}
