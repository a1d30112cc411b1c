//! `scenariod list`: what can be run. Its forms are in the files below. Offline.

mod json;
mod page;
mod table;

use daemon_core::exit::Failure;

use super::context::load_library;
use crate::catalogue::selection;
use crate::cli::args::{CatalogueArgs, ListArgs};

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    /// The page of the documentation.
    Markdown,
}

/// What `list` prints.
pub(crate) fn list(args: &ListArgs) -> Result<String, Failure> {
    let format = match (args.markdown, args.json) {
        (true, _) => Format::Markdown,
        (false, true) => Format::Json,
        (false, false) => Format::Table,
    };
    list_names(&args.names, &args.catalogue, format)
}

/// What can be run; with names, only those.
pub(crate) fn list_names(
    names: &[String],
    catalogue: &CatalogueArgs,
    format: Format,
) -> Result<String, Failure> {
    let mut library = load_library(catalogue)?;
    if !names.is_empty() {
        let words = || selection::split_words(names.iter().map(String::as_str));
        library.open_playlists(words())?;
        library = selection::restrict_library(&library, words())?;
    }
    Ok(match format {
        Format::Table => table::table(&library),
        Format::Json => json::as_json(&library),
        Format::Markdown => page::page(&library),
    })
}
