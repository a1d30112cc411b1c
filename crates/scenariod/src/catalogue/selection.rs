//! The scenarios that the words of a command select: names, families, playlists, `all`. Pure.

use std::collections::BTreeMap;

use daemon_core::exit::{Exit, UserError};

use crate::catalogue::library::Library;
use crate::catalogue::playlist::{Playlist, PlaylistEntry};
use crate::catalogue::suggest::find_scenarios;
use crate::scenario::Scenario;

/// A selection that is empty.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectError {
    #[error("unknown scenario, family or playlist: {word}")]
    Unknown { word: String, near: Option<String> },
    #[error("no scenario, family or playlist is given")]
    Nothing,
}

impl UserError for SelectError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SelectError::Unknown { near: Some(near), .. } => format!("did you mean {near}?"),
            SelectError::Unknown { near: None, .. } | SelectError::Nothing => {
                "`scenariod list` shows every scenario".to_owned()
            }
        })
    }
}

/// What one word selects.
#[derive(Debug, PartialEq)]
pub(crate) enum Selection<'a> {
    /// A single scenario, or a family in its order.
    Scenarios(Vec<&'a Scenario>),
    Playlist(&'a Playlist),
}

/// The words of lists such as `packet-loss-10,latency`.
pub(crate) fn split_words<'a>(lists: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    lists.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

/// What each word selects, in the order of the words.
pub(crate) fn select<'a>(
    library: &'a Library,
    words: impl Iterator<Item = &'a str>,
) -> Result<Vec<Selection<'a>>, SelectError> {
    let mut selected = Vec::new();
    for word in words {
        let unknown = || SelectError::Unknown { word: word.to_owned(), near: library.nearest_name(word) };
        selected.push(select_word(library, word).ok_or_else(unknown)?);
    }
    if selected.is_empty() { Err(SelectError::Nothing) } else { Ok(selected) }
}

fn select_word<'a>(library: &'a Library, word: &str) -> Option<Selection<'a>> {
    if let Some((_, playlist)) = library.files.iter().find(|(path, _)| path == word) {
        return Some(Selection::Playlist(playlist));
    }
    if let Some(playlist) = library.playlists.iter().find(|list| list.name == word) {
        return Some(Selection::Playlist(playlist));
    }
    let scenarios = find_scenarios(&library.catalogue, word);
    (!scenarios.is_empty()).then_some(Selection::Scenarios(scenarios))
}

/// The part of a library that words select, in the order of the library.
pub(crate) fn restrict_library<'a>(
    library: &'a Library,
    words: impl Iterator<Item = &'a str>,
) -> Result<Library, SelectError> {
    let selected = select(library, words)?;
    let scenario = |own: &Scenario| {
        let named = |one: &Selection<'_>| matches!(one, Selection::Scenarios(named) if named.iter().any(|one| one.name == own.name));
        selected.iter().any(named)
    };
    let playlist = |own: &&Playlist| {
        selected.iter().any(|one| matches!(one, Selection::Playlist(named) if std::ptr::eq(*named, *own)))
    };
    let playlists = library.playlists.iter().chain(library.files.iter().map(|(_, list)| list));
    Ok(Library {
        catalogue: library.catalogue.filtered(scenario),
        playlists: playlists.filter(playlist).cloned().collect(),
        files: Vec::new(),
    })
}

/// Every run of a selection, in order.
pub(crate) fn selected_entries(selected: &[Selection<'_>]) -> Vec<PlaylistEntry> {
    let one = |selected: &Selection<'_>| match selected {
        Selection::Scenarios(scenarios) => {
            scenarios.iter().map(|scenario| PlaylistEntry::plain(scenario)).collect()
        }
        Selection::Playlist(playlist) => playlist.entries.clone(),
    };
    selected.iter().flat_map(one).collect()
}

/// A note about scenarios that are selected more than once, which may be a mistake.
pub(crate) fn repetition_note(selected: &[Selection<'_>]) -> Option<String> {
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for selected in selected {
        if let Selection::Scenarios(scenarios) = selected {
            scenarios.iter().for_each(|scenario| *times.entry(&scenario.name).or_default() += 1);
        }
    }
    let again: Vec<_> = times.into_iter().filter(|(_, times)| *times > 1).collect();
    match again.as_slice() {
        [] => None,
        [(name, times)] => Some(format!("{name} is selected {times} times and runs {times} times")),
        several => {
            Some(format!("{} scenarios are selected more than once and run more than once", several.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<String>, SelectError> {
        names_in(&Library::load(None).unwrap(), list)
    }

    fn names_in(library: &Library, list: &str) -> Result<Vec<String>, SelectError> {
        let selected = select(library, split_words([list]))?;
        Ok(selected_entries(&selected).into_iter().map(|entry| entry.scenario.name).collect())
    }

    #[test]
    fn names_and_families_keep_the_order_of_the_words() {
        assert_eq!(names("latency-1s, packet-loss-2").unwrap(), ["latency-1s", "packet-loss-2"]);
        let latency =
            ["latency-100ms", "latency-1s", "latency-5s", "latency-10s", "latency-40s", "latency-2m"];
        assert_eq!(names("latency").unwrap()[..6], latency);
        assert_eq!(names("all").unwrap().len(), Library::load(None).unwrap().catalogue.scenarios().len());
    }

    #[test]
    fn playlists_and_scenarios_mix() {
        let both = names("flaky-fast,smoke").unwrap();
        assert_eq!(both[..2], ["flaky-fast", "packet-loss-10"]);
        assert_eq!(split_words(["a,b", "c"]).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_library_is_restricted_to_what_words_select() {
        let library = Library::load(None).unwrap();
        let part = restrict_library(&library, split_words(["smoke,flaky", "packet-loss-10-pct"])).unwrap();
        let names: Vec<&str> = part.catalogue.scenarios().iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["packet-loss-10", "flaky-fast", "flaky-slow"]);
        assert_eq!(part.playlists.iter().map(|list| list.name.as_str()).collect::<Vec<_>>(), ["smoke"]);
        assert!(restrict_library(&library, split_words(["zebra"])).is_err());
    }

    #[test]
    fn a_note_names_what_is_selected_more_than_once() {
        let library = Library::load(None).unwrap();
        let said = |list| repetition_note(&select(&library, split_words([list])).unwrap());
        assert_eq!(said("latency-1s,blip"), None);
        assert_eq!(
            said("latency-1s,latency").as_deref(),
            Some("latency-1s is selected 2 times and runs 2 times")
        );
        assert_eq!(
            said("flaky,flaky").as_deref(),
            Some("2 scenarios are selected more than once and run more than once")
        );
    }

    #[test]
    fn older_names_still_select_their_scenarios() {
        let lengths = ["100ms", "1s", "5s", "10s", "40s", "2m"];
        let blips = lengths.map(|length| (format!("latency-200ms-{length}"), format!("blip-{length}")));
        let rates = [2, 5, 10, 20, 50, 100];
        let losses = rates.map(|rate| (format!("packet-loss-{rate}-pct"), format!("packet-loss-{rate}")));
        let others = [
            ("multi-failure-2-servers-packet-loss", "two-nodes-loss"),
            ("multi-failure-2-servers-latency", "two-nodes-slow"),
            ("partition-asymmetric", "partition-requests"),
            ("stall", "stall-and-release"),
            ("flaky-network", "flaky-fast"),
        ];
        let others = others.map(|(old, new)| (old.to_owned(), new.to_owned()));
        let older: Vec<(String, String)> = [&blips[..], &losses[..], &others[..]].concat();
        // Each alias of the catalogue is in the list above.
        let library = Library::load(None).unwrap();
        let words: usize = library.catalogue.scenarios().iter().map(|one| one.words().count() - 1).sum();
        assert_eq!(older.len(), words);
        for (old, new) in older {
            assert_eq!(names_in(&library, &old).unwrap(), [new], "{old}");
        }
    }

    #[test]
    fn an_unknown_word_gets_the_nearest_name() {
        let near = |word: &str| match names(word) {
            Err(SelectError::Unknown { near, .. }) => near,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(near("packet-los-10").as_deref(), Some("packet-loss-10"));
        assert_eq!(near("latncy").as_deref(), Some("latency"));
        assert_eq!(near("smok").as_deref(), Some("smoke"));
        assert_eq!(near("zebra"), None);
        assert_eq!(names(" , "), Err(SelectError::Nothing));
    }
}
