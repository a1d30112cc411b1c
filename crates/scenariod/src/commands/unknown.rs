//! What is said of a word that is no sub-command.

use std::ffi::OsString;

use daemon_core::exit::Failure;
use daemon_core::suggest::nearest;

use super::context::load_library;
use crate::catalogue::library;
use crate::cli::{Cli, UsageError};

/// A bare word is most likely a scenario without its flag; what it is to be run with needs no word.
pub(crate) fn unknown_command(cli: &Cli, words: &[OsString]) -> Failure {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let word = words.next().unwrap_or_default();
    let named =
        words.find(|word| !word.starts_with('-')).filter(|_| matches!(word.as_str(), "run" | "start"));
    let meant = named.as_ref().unwrap_or(&word);
    let words = ["list", "show", "check", "guard", "clean", "proxies", "health", "completions", "help"];
    let command = nearest(&word, words);
    let near = || load_library(cli).ok().and_then(|library| library.nearest_name(meant));
    let scenario = if library::is_path(meant) { Some(meant.clone()) } else { near() };
    // Behind `--scenario` it is one more of them.
    let scenario =
        scenario.map(|word| cli.scenario.iter().cloned().chain([word]).collect::<Vec<_>>().join(","));
    let hint = match (scenario, command) {
        (Some(scenario), _) => format!("scenariod --scenario {scenario}"),
        (None, Some(command)) => format!("scenariod {command}"),
        (None, None) => "`scenariod --help` shows the commands, `scenariod list` the scenarios".to_owned(),
    };
    Failure::from(UsageError::UnknownCommand { word, hint })
}
