//! Command lines on pages: recipes of the justfile, and the daemons' sub-commands and flags. Pure.

use std::collections::{BTreeMap, BTreeSet};

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, Command};

use super::Problem;
use super::page::{Code, Page};
use super::shell;

/// What a page may tell its reader to run.
#[derive(Debug)]
pub struct Programs {
    recipes: BTreeSet<String>,
    daemons: BTreeMap<String, Command>,
}

impl Programs {
    /// The recipes of a justfile and the command lines of the daemons.
    pub fn new(justfile: &str, daemons: impl IntoIterator<Item = Command>) -> Self {
        let recipes = justfile
            .lines()
            .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()) && !line.contains(":="))
            .filter_map(|line| line.split([' ', ':']).next());
        Self {
            recipes: recipes.map(str::to_owned).collect(),
            daemons: daemons.into_iter().map(|daemon| (daemon.get_name().to_owned(), daemon)).collect(),
        }
    }

    /// The command lines of a page that none of the programs accepts.
    pub fn problems(&self, page: &Page) -> Vec<Problem> {
        let of_code = |code: &Code| -> Vec<String> {
            let mut commands = shell::commands(code).into_iter();
            match code {
                Code::Span(text) if text.starts_with("--") => {
                    commands.flatten().filter_map(|word| self.unknown_flag(&word)).collect()
                }
                _ => commands.by_ref().filter_map(|words| self.refused(&words)).collect(),
            }
        };
        let problems = page.code.iter().flat_map(|code| {
            let line = code.line;
            of_code(&code.it).into_iter().map(move |what| page.problem(line, what))
        });
        problems.collect()
    }

    /// Why a command line is wrong. Other programs' command lines are not looked at.
    fn refused(&self, words: &[String]) -> Option<String> {
        let (program, args) = words.split_first()?;
        let program = program.rsplit('/').next()?;
        if let Some(daemon) = self.daemons.get(program) {
            return refused_by(daemon, args);
        }
        let (recipe, args) =
            args.split_first().filter(|(recipe, _)| program == "just" && !recipe.starts_with('-'))?;
        match (self.recipes.contains(recipe), recipe.as_str()) {
            (true, "run") => self.refused(args),
            (true, _) => None,
            (false, _) => Some(format!("no recipe `just {recipe}`")),
        }
    }

    /// A flag on its own is one of any daemon.
    fn unknown_flag(&self, word: &str) -> Option<String> {
        fn has(command: &Command, flag: &str) -> bool {
            command
                .get_arguments()
                .any(|arg| arg.get_long_and_visible_aliases().into_iter().flatten().any(|l| l == flag))
                || command.get_subcommands().any(|command| has(command, flag))
        }
        let flag = word.strip_prefix("--")?.split('=').next()?;
        let known =
            flag == "help" || flag == "version" || self.daemons.values().any(|daemon| has(daemon, flag));
        (!known).then(|| format!("no flag `--{flag}`"))
    }
}

/// Why clap refuses these arguments. A line that names too little, as prose does, is not refused.
fn refused_by(daemon: &Command, args: &[String]) -> Option<String> {
    let args: Vec<&String> = args.iter().filter(|arg| *arg != "ARGS").collect();
    let line = || std::iter::once(daemon.get_name()).chain(args.iter().map(|arg| arg.as_str()));
    let command =
        if args.iter().any(|arg| is_placeholder(arg)) { any_value(daemon.clone()) } else { daemon.clone() };
    match command.try_get_matches_from(line()) {
        Ok(matches) => {
            let name = matches.subcommand_name()?;
            let known = daemon.find_subcommand(name).is_some();
            (!known).then(|| format!("no command `{} {name}`", daemon.get_name()))
        }
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::MissingRequiredArgument => None,
            _ => {
                let text = error.to_string();
                let why = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
                Some(format!("`{}`: {why}", line().collect::<Vec<_>>().join(" ")))
            }
        },
    }
}

/// `NAME` or `HOST:PORT`, for a value of the reader's.
fn is_placeholder(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_uppercase()) && !word.contains(|c: char| c.is_ascii_lowercase())
}

/// The same command line, with every value accepted.
fn any_value(command: Command) -> Command {
    let command = command.mut_args(|arg| match arg.get_action() {
        ArgAction::Set | ArgAction::Append => arg.value_parser(ValueParser::os_string()),
        _ => arg,
    });
    command.mut_subcommands(any_value)
}
