//! `scenariod list`: what can be run. Its forms are in the files below. Offline.

mod json;
mod page;
mod table;

use daemon_core::exit::Failure;

use super::context::{load_lab, load_library};
use super::runnable::is_runnable;
use crate::catalogue::library::Library;
use crate::catalogue::playlist::Playlist;
use crate::catalogue::selection;
use crate::cli::args::{CatalogueArgs, ListArgs};
use crate::settings::Settings;

/// The playlist of short runs for a new lab.
const FIRST_RUNS: &str = "smoke";

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
    if !args.runnable && !args.propose {
        return list_names(&args.names, &args.catalogue, format);
    }
    let servers = Settings::new(&load_lab(&args.lab)?, None, None)?.names();
    let library = select_library(&args.names, &args.catalogue)?;
    if args.propose {
        return Ok(propose(&library, &servers).map_or_else(String::new, |name| format!("{name}\n")));
    }
    Ok(write(&restrict_to_lab(&library, &servers), format))
}

/// The scenarios and playlists that a lab with these nodes can run.
fn restrict_to_lab(library: &Library, servers: &[String]) -> Library {
    let can_run = |list: &&Playlist| list.entries.iter().all(|entry| is_runnable(&entry.scenario, servers));
    Library {
        catalogue: library.catalogue.filtered(|scenario| is_runnable(scenario, servers)),
        playlists: library.playlists.iter().filter(can_run).cloned().collect(),
        files: Vec::new(),
    }
}

/// A scenario for a first run: the first of the playlist `smoke` that this lab can run, else the first of all.
fn propose<'a>(library: &'a Library, servers: &[String]) -> Option<&'a str> {
    let first_runs = library.playlists.iter().filter(|list| list.name == FIRST_RUNS);
    let first_runs = first_runs.flat_map(|list| list.entries.iter().map(|entry| &entry.scenario));
    let mut all = first_runs.chain(library.catalogue.scenarios());
    all.find(|scenario| is_runnable(scenario, servers)).map(|scenario| scenario.name.as_str())
}

/// What can be run; with names, only those.
pub(crate) fn list_names(
    names: &[String],
    catalogue: &CatalogueArgs,
    format: Format,
) -> Result<String, Failure> {
    Ok(write(&select_library(names, catalogue)?, format))
}

fn select_library(names: &[String], catalogue: &CatalogueArgs) -> Result<Library, Failure> {
    let mut library = load_library(catalogue)?;
    if names.is_empty() {
        return Ok(library);
    }
    let words = || selection::split_words(names.iter().map(String::as_str));
    library.open_playlists(words())?;
    Ok(selection::restrict_library(&library, words())?)
}

fn write(library: &Library, format: Format) -> String {
    match format {
        Format::Table => table::table(library),
        Format::Json => json::as_json(library),
        Format::Markdown => page::page(library),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_lab_gets_what_it_can_run() {
        let library = Library::load(None).unwrap();
        let servers = ["cache-a".to_owned()];
        let small = restrict_to_lab(&library, &servers);
        let names: Vec<&str> = small.playlists.iter().map(|list| list.name.as_str()).collect();
        assert_eq!(names, ["smoke", "packet-loss-ladder"], "`monday` has `rolling-failure`");
        assert!(small.catalogue.scenarios().iter().all(|scenario| scenario.nodes_needed() == 1));
        assert_eq!(propose(&library, &servers), Some("packet-loss-10"));
        let mut pairs = library.clone();
        pairs.catalogue = library.catalogue.filtered(|scenario| scenario.nodes_needed() == 2);
        pairs.playlists.clear();
        assert_eq!(propose(&pairs, &servers), None);
        let two = [servers[0].clone(), "cache-b".to_owned()];
        assert_eq!(propose(&pairs, &two), Some("partition-two"));
    }
}
