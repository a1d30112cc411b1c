//! The rule for names of scenarios, families and playlists. Pure.

use daemon_core::name;

/// The word that selects every scenario. It cannot be a name.
pub(crate) const EVERYTHING: &str = "all";

/// Checks the name of a scenario, a family or a playlist. `kind` is the word for it in a message.
pub(crate) fn check_name(kind: &'static str, name: &str) -> Result<(), String> {
    if name == EVERYTHING {
        return Err(format!("`{EVERYTHING}` selects every scenario and cannot be a name"));
    }
    name::check(kind, name).map_err(|error| error.to_string())
}
