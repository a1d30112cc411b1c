//! What the lab uses of the machine and of the environment of its caller. Nothing is started here.

use std::ffi::OsString;
use std::path::PathBuf;

/// Whether root starts the lab.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The machine's Grafana, if there is one on PATH.
pub(crate) fn grafana() -> Option<PathBuf> {
    on_path("grafana").or_else(|| on_path("grafana-server"))
}

/// The variables with these names that are set. An empty variable counts as unset.
pub(crate) fn variables(names: &[String]) -> Vec<(String, OsString)> {
    let value = |name: &String| std::env::var_os(name).filter(|value| !value.is_empty());
    names.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())?;
    found.canonicalize().ok()
}
