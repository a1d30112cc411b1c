//! Looks up a word in a catalogue and finds the nearest name for a wrong one. Pure.

use daemon_core::suggest::nearest;

use super::Catalogue;
use super::checked::values::EVERYTHING;
use crate::scenario::Scenario;

/// The scenarios that a word selects: by name, alias, family or `all`.
pub(crate) fn find_scenarios<'a>(catalogue: &'a Catalogue, word: &str) -> Vec<&'a Scenario> {
    let meant = |s: &&Scenario| word == EVERYTHING || s.is_called(word) || s.family == word;
    catalogue.scenarios().iter().filter(meant).collect()
}

/// The name of a scenario, family or playlist that is most like a word.
pub(crate) fn nearest_name<'a>(
    catalogue: &'a Catalogue,
    playlists: impl IntoIterator<Item = &'a str>,
    word: &str,
) -> Option<String> {
    let names = catalogue.scenarios().iter().flat_map(Scenario::words);
    let candidates = names.chain(catalogue.families()).chain(playlists).chain([EVERYTHING]);
    nearest(word, candidates).map(str::to_owned)
}
