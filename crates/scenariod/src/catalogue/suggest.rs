//! What one word means in a catalogue, and which word was most likely meant. Pure.

use daemon_core::suggest::nearest;

use super::Catalogue;
use super::checked::values::EVERYTHING;
use crate::scenario::Scenario;

/// The scenarios of the catalogue that a word means; none for a word that means nothing.
pub(crate) fn find_scenarios<'a>(catalogue: &'a Catalogue, word: &str) -> Vec<&'a Scenario> {
    let meant = |s: &&Scenario| word == EVERYTHING || s.is_called(word) || s.family == word;
    catalogue.scenarios().iter().filter(meant).collect()
}

/// The word that another one most likely means.
pub(crate) fn nearest_name<'a>(
    catalogue: &'a Catalogue,
    playlists: impl IntoIterator<Item = &'a str>,
    word: &str,
) -> Option<String> {
    let names = catalogue.scenarios().iter().flat_map(Scenario::words);
    let candidates = names.chain(catalogue.families()).chain(playlists).chain([EVERYTHING]);
    nearest(word, candidates).map(str::to_owned)
}
