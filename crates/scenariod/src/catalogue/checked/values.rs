//! Values that scenarios and playlists have in common: shares and names. Pure.

use daemon_core::name;

/// Selects everything, so nothing may be called that.
pub(crate) const EVERYTHING: &str = "all";

/// The name of a scenario, a family or a playlist; `kind` is what messages call it.
pub(crate) fn check_name(kind: &'static str, name: &str) -> Result<(), String> {
    if name == EVERYTHING {
        return Err(format!("`{EVERYTHING}` selects every scenario and cannot be a name"));
    }
    name::check(kind, name).map_err(|error| error.to_string())
}
