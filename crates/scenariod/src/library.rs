//! Everything that can be run by a name: the catalogue and the playlists, compiled in or the user's, with one meaning
//! for each name.

use std::path::Path;

use daemon_core::problems::{Problem, Problems};

use crate::catalogue::checked::EVERYTHING;
use crate::catalogue::{Catalogue, CatalogueError, Source, built_in, read_file, read_folder};
use crate::names;
use crate::playlist::{self, Playlist};
use crate::select;
use crate::sources::{Kind, is_yaml, kind};

/// What can be run.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) catalogue: Catalogue,
    pub(crate) playlists: Vec<Playlist>,
    /// Playlists named by their path, with the word that named them.
    pub(crate) files: Vec<(String, Playlist)>,
}

impl Library {
    /// What is compiled in and what a folder adds. An entry or playlist of the folder replaces the one of its name.
    pub(crate) fn load(folder: Option<&Path>) -> Result<Library, CatalogueError> {
        let sources = folder.map_or(Ok(Vec::new()), read_folder)?;
        let (lists, scenarios): (Vec<_>, Vec<_>) =
            sources.into_iter().partition(|source| kind(source) == Kind::Playlist);
        Ok(Library::with(&scenarios, &lists)?)
    }

    /// What is compiled in and what these files add or replace.
    pub(crate) fn with(scenarios: &[Source], lists: &[Source]) -> Result<Library, Problems> {
        let mut catalogue = Catalogue::of(&built_in())?;
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
        problems.extend(names::check(catalogue.scenarios(), &playlists));
        problems.or(Library { catalogue, playlists, files: Vec::new() })
    }

    /// Reads the playlists that words name by a path.
    pub(crate) fn open<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), CatalogueError> {
        for word in words.filter(|word| is_path(word)) {
            let source = read_file(Path::new(word))?;
            if kind(&source) == Kind::Scenarios {
                let message =
                    "holds scenarios, not a playlist: name its folder with `--catalogue`".to_owned();
                let problem = Problem { file: source.name, line: 1, message };
                return Err(CatalogueError::Problems(problem.into()));
            }
            let list = playlist::playlist(&source, &self.catalogue)?;
            self.files.push((word.to_owned(), list));
        }
        Ok(())
    }

    /// The word that another one most likely means.
    pub(crate) fn near(&self, word: &str) -> Option<String> {
        select::near(&self.catalogue, self.playlists.iter().map(|list| list.name.as_str()), word)
    }

    /// Every word that means something, aliases left out.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let scenarios = self.catalogue.scenarios().iter().map(|scenario| scenario.name.as_str());
        let playlists = self.playlists.iter().map(|list| list.name.as_str());
        scenarios.chain(self.catalogue.families()).chain(playlists).chain([EVERYTHING])
    }
}

/// No name has a slash or a dot.
fn is_path(word: &str) -> bool {
    word.contains('/') || is_yaml(Path::new(word))
}
