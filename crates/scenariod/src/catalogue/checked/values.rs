//! Values that scenarios and playlists have in common: shares and names. Pure.

use daemon_core::name;
use daemon_core::problems::figure;

/// What is rarer than one in a million happens in no run.
const LEAST: f64 = 0.000_001;
/// Selects everything, so nothing may be called that.
pub(crate) const EVERYTHING: &str = "all";

/// A rate or a share that is large enough to be seen, or what is wrong with it.
pub(crate) fn share_of(key: &str, share: f64) -> Result<f64, String> {
    if (LEAST..=1.0).contains(&share) {
        return Ok(share);
    }
    Err(format!("`{key}` is {}, must be from {LEAST} to 1", figure(share)))
}

/// The name of a scenario, a family or a playlist; `kind` is what messages call it.
pub(crate) fn check_name(kind: &'static str, name: &str) -> Result<(), String> {
    if name == EVERYTHING {
        return Err(format!("`{EVERYTHING}` selects every scenario and cannot be a name"));
    }
    name::check(kind, name).map_err(|error| error.to_string())
}
