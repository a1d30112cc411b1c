//! Everything that can be run by name: the catalogue and the playlists, compiled in or from the user's files. Each name
//! has one meaning.

use std::path::Path;

use daemon_core::problems::{Problem, Problems};

use crate::catalogue::checked::values::EVERYTHING;
use crate::catalogue::names;
use crate::catalogue::playlist::{self, Playlist};
use crate::catalogue::source_files::{FileKind, Source, file_kind, is_yaml, read_file, read_folder};
use crate::catalogue::suggest::nearest_name;
use crate::catalogue::{Catalogue, CatalogueError, built_in};

/// All scenarios and playlists.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) catalogue: Catalogue,
    pub(crate) playlists: Vec<Playlist>,
    /// Playlists that the user gave as a path, each with that path.
    pub(crate) files: Vec<(String, Playlist)>,
}

impl Library {
    /// The compiled-in library and what a folder adds to it. A scenario or playlist of the folder replaces the one with its
    /// name.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Library, CatalogueError> {
        let sources = folder.map_or(Ok(Vec::new()), read_folder)?;
        let (mut lists, mut scenarios, mut problems) = (Vec::new(), Vec::new(), Problems::default());
        for source in sources {
            match file_kind(&source) {
                FileKind::Playlist => lists.push(source),
                FileKind::Scenarios => scenarios.push(source),
                FileKind::Lab => {
                    problems.extend(file_problem(source, "expected scenarios or a playlist, found a lab"))
                }
                // `check` skips such a file in a folder, too.
                FileKind::Other => {}
            }
        }
        problems.or(())?;
        if let Some(path) = folder.filter(|_| lists.is_empty() && scenarios.is_empty()) {
            return Err(CatalogueError::Empty { path: path.to_owned() });
        }
        Ok(Library::with_files(&scenarios, &lists)?)
    }

    /// The compiled-in library and what these files add to it or replace in it.
    pub(crate) fn with_files(scenarios: &[Source], lists: &[Source]) -> Result<Library, Problems> {
        Library::extend_catalogue(Catalogue::from_sources(&built_in())?, scenarios, lists)
    }

    /// A catalogue and the compiled-in playlists, and what these files add to them or replace in them.
    pub(crate) fn extend_catalogue(
        mut catalogue: Catalogue,
        scenarios: &[Source],
        lists: &[Source],
    ) -> Result<Library, Problems> {
        let mut problems = Problems::default();
        match crate::catalogue::scenarios(scenarios) {
            Ok(more) => more.into_iter().for_each(|scenario| catalogue.add(scenario)),
            Err(found) => problems.extend(found),
        }
        let mut playlists = playlist::playlists(&playlist::built_in(), &catalogue)?;
        match playlist::playlists(lists, &catalogue) {
            Ok(more) => {
                for list in more {
                    match playlists.iter_mut().find(|old| old.name == list.name) {
                        Some(old) => *old = list,
                        None => playlists.push(list),
                    }
                }
            }
            Err(found) => problems.extend(found),
        }
        problems.extend(names::check_names(
            catalogue.scenarios(),
            playlists.iter().map(|list| (list.name.as_str(), &list.source)),
        ));
        problems.or(Library { catalogue, playlists, files: Vec::new() })
    }

    /// Reads the playlists among the words that are paths.
    pub(crate) fn open_playlists<'a>(
        &mut self,
        words: impl Iterator<Item = &'a str>,
    ) -> Result<(), CatalogueError> {
        for word in words.filter(|word| is_path(word)) {
            let source = read_file(Path::new(word))?;
            let other = match file_kind(&source) {
                FileKind::Scenarios => {
                    Some("expected a playlist, found scenarios: use `--catalogue` with their folder")
                }
                FileKind::Lab => Some("expected a playlist, found a lab: use `--config` for it"),
                FileKind::Playlist | FileKind::Other => None,
            };
            if let Some(other) = other {
                return Err(CatalogueError::Problems(file_problem(source, other)));
            }
            let list = playlist::playlist(&source, &self.catalogue)?;
            self.files.push((word.to_owned(), list));
        }
        Ok(())
    }

    /// The name that is most like a word.
    pub(crate) fn nearest_name(&self, word: &str) -> Option<String> {
        nearest_name(&self.catalogue, self.playlists.iter().map(|list| list.name.as_str()), word)
    }

    /// All names, without aliases.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let scenarios = self.catalogue.scenarios().iter().map(|scenario| scenario.name.as_str());
        let playlists = self.playlists.iter().map(|list| list.name.as_str());
        scenarios.chain(self.catalogue.families()).chain(playlists).chain([EVERYTHING])
    }
}

/// A problem of a file as a whole.
fn file_problem(source: Source, message: &str) -> Problems {
    Problem { file: source.name, line: 1, message: message.to_owned() }.into()
}

/// A name has neither a slash nor a dot.
pub(crate) fn is_path(word: &str) -> bool {
    word.contains('/') || is_yaml(Path::new(word))
}
