//! `scenariod WORD`, where WORD is no command: the error, with the command line that was most likely meant.

use std::ffi::OsString;

use daemon_core::exit::Failure;
use daemon_core::suggest::nearest;

use super::context::load_library;
use crate::catalogue::library;
use crate::cli::args::RunArgs;
use crate::cli::{self, UsageError};

/// The error for these words. `before` are the flags before them: behind `--scenario`, a word is most likely one more name.
pub(crate) fn unknown_command(before: &RunArgs, words: &[OsString]) -> Failure {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let word = words.next().unwrap_or_default();
    let start = if word == "start" { words.next() } else { None };
    let name = start.as_ref().unwrap_or(&word);
    let near = || load_library(&before.catalogue).ok().and_then(|library| library.nearest_name(name));
    let name = if library::is_path(name) { Some(name.clone()) } else { near() };
    let commands = cli::command_names();
    let command = nearest(&word, commands.iter().map(String::as_str));
    let hint = match (name, command) {
        (Some(name), _) => {
            let names = before.scenario.iter().chain([&name]).map(String::as_str).collect::<Vec<_>>();
            format!("did you mean `scenariod run {}`?", names.join(" "))
        }
        (None, Some(command)) => format!("did you mean `scenariod {command}`?"),
        (None, None) => "`scenariod --help` shows the commands, `scenariod list` the scenarios".to_owned(),
    };
    UsageError::UnknownCommand { word, hint }.into()
}
