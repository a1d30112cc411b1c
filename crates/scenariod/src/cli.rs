//! The command line: which commands there are and what a line parses to. The flags of each command are in `args`. Nothing is
//! read or started here.

pub(crate) mod args;

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use daemon_core::completion::{self, Flag, Takes};
use daemon_core::exit::{Exit, UserError};
use daemon_core::usage;

use crate::plan::TimeScale;
use args::{
    CheckArgs, CleanArgs, CompletionsArgs, GuardArgs, HealthArgs, LabArgs, ListArgs, RunArgs, RunCommand,
    ShowArgs,
};

const EXAMPLES: &str = "\
Examples:
  scenariod run packet-loss-10            one scenario
  scenariod run latency partition-one     every scenario of a family, then one more
  scenariod run smoke                     a playlist
  scenariod show packet-loss-10           its timeline, and every request to Toxiproxy
  scenariod check config                  all problems in the files of a folder

`scenariod --scenario NAME` is short for `scenariod run NAME` and takes the same flags.
`scenariod run --help` explains them.";

const RUN_EXAMPLES: &str = "\
Examples:
  scenariod run packet-loss-10                  one scenario
  scenariod run latency partition-one           every scenario of a family, then one more
  scenariod run smoke --dry-run                 what a playlist would do
  scenariod run ./mine.yaml --loop 3            a playlist file, three times
  scenariod run all --time-scale 0.2            everything, in a fifth of the time
  scenariod --scenario smoke,latency --json     without `run`, names follow --scenario";

const RUN_EXIT_CODES: &str = "\
Exit codes of a run:
  0            the verdict passed
  1            it failed
  2            usage or configuration error
  3            inconclusive: not enough data for a verdict
  4            set-up failed or was refused; nothing was injected
  5            a fault may still be active; with all other codes, no fault is left
  130 and 143  interrupted by SIGINT or SIGTERM";

const CLEAN_HELP: &str = "\
Examples:
  scenariod clean --dry-run
  scenariod clean --toxiproxy http://127.0.0.1:8474

Exit codes:
  0  no fault is left, except those of live runs
  4  no Toxiproxy answers at the address
  5  a fault may still be active";

/// Runs fault scenarios in three phases through Toxiproxy and removes every fault afterwards
// The flags are those of the short form. They are hidden here, as `run --help` explains them.
#[derive(Debug, Parser)]
#[command(name = "scenariod", version, mut_args(|arg| arg.hide(true)))]
#[command(after_help = format!("{EXAMPLES}\n\n{RUN_EXIT_CODES}"))]
#[command(override_usage = "scenariod <COMMAND> [OPTIONS]\n       scenariod --scenario <NAME,...> [OPTIONS]")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) short: RunArgs,
    #[command(subcommand)]
    pub(crate) command: Option<SubCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    /// Run scenarios, families and playlists
    #[command(after_help = format!("{RUN_EXAMPLES}\n\n{RUN_EXIT_CODES}"))]
    Run(Box<RunCommand>),
    /// List what can be run
    #[command(
        after_help = "Examples:\n  scenariod list\n  scenariod list latency smoke\n  scenariod list --json"
    )]
    List(ListArgs),
    /// Show the timeline of a scenario and every request to Toxiproxy, or the runs of a playlist
    #[command(after_help = "Examples:\n  scenariod show packet-loss-10\n  scenariod show smoke")]
    Show(ShowArgs),
    /// Check scenario, playlist and lab files and report all problems at once
    #[command(after_help = "Examples:\n  scenariod check\n  scenariod check config mine.yaml")]
    Check(CheckArgs),
    /// Watch Toxiproxy and remove faults that a killed run left behind, until stopped
    #[command(
        after_help = "Example:\n  scenariod guard --metrics-addr 127.0.0.1:9095 --state-dir /var/lib/lab"
    )]
    Guard(GuardArgs),
    /// Remove faults that killed runs left behind, and list toxics of others
    #[command(after_help = CLEAN_HELP)]
    Clean(CleanArgs),
    /// Print a Toxiproxy configuration file with the lab's nodes
    Proxies(LabArgs),
    /// Check the health of a running scenario or of the guard; exit with code 0 or 1
    #[command(
        after_help = "Examples:\n  scenariod health\n  scenariod health --metrics-addr 127.0.0.1:9095   the guard"
    )]
    Health(HealthArgs),
    /// Print a shell completion script
    #[command(after_help = "Example:\n  source <(scenariod completions bash)")]
    Completions(CompletionsArgs),
    /// Any other word: most likely the name of a scenario.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// An invalid command line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error(transparent)]
    Refused(#[from] usage::UsageError),
    #[error("{flag} must come after the command `{command}`")]
    FlagBeforeCommand { flag: String, command: String },
    #[error("{flag} cannot be used with the command `{command}`")]
    FlagWithCommand { flag: String, command: String },
    #[error("unknown command: {word}")]
    UnknownCommand { word: String, hint: String },
    #[error("nothing to run: missing argument NAME")]
    NothingToRun,
    #[error("{name} must be {wants}")]
    Variable { name: &'static str, wants: &'static str },
    #[error("the product of --time-scale and the playlist's time scale must be {}", TimeScale::BOUNDS)]
    TimeScale,
}

impl UserError for UsageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            UsageError::Refused(error) => error.hint(),
            UsageError::UnknownCommand { hint, .. } => Some(hint.clone()),
            UsageError::Variable { .. } => None,
            UsageError::FlagBeforeCommand { command, .. } | UsageError::FlagWithCommand { command, .. } => {
                Some(format!("`scenariod {command} --help` shows the usage"))
            }
            UsageError::TimeScale => Some("`scenariod run --help` shows the usage".to_owned()),
            UsageError::NothingToRun => {
                Some("`scenariod list` shows the names, `scenariod run NAME` runs one".to_owned())
            }
        }
    }
}

/// A valid command line.
#[derive(Debug)]
pub(crate) enum CommandLine {
    Cli(Box<Cli>),
    /// One that asks for help or the version.
    Text(String),
}

/// Parses a command line, program name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let command = Cli::command();
    let refused = |error| usage::UsageError::new(&error, &explaining(&error, command.clone(), &args), &args);
    let matches = match usage::without_empty_variables(command.clone()).try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(text) if matches!(text.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return Ok(CommandLine::Text(text.to_string()));
        }
        Err(error) => return Err(refused(error).into()),
    };
    check_flags_before_command(&command, &matches)?;
    let cli = Cli::from_arg_matches(&matches).map_err(refused)?;
    Ok(CommandLine::Cli(Box::new(cli)))
}

/// Refuses the flags of the short form beside a sub-command. To clap they are flags of the program itself, which it takes
/// with any sub-command; `args_conflicts_with_subcommands` would refuse the global ones as well.
fn check_flags_before_command(command: &Command, matches: &ArgMatches) -> Result<(), UsageError> {
    let Some(sub) = matches.subcommand_name().and_then(|name| command.find_subcommand(name)) else {
        return Ok(());
    };
    let is_given = |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let is_own = |arg: &Arg| sub.get_arguments().any(|own| own.get_id() == arg.get_id());
    let run = RunArgs::augment_args(Command::new("run"));
    // Every command accepts the global flags. That of Toxiproxy would mislead where no Toxiproxy is called.
    let is_accepted = |arg: &Arg| arg.is_global_set() && (arg.get_id() != "toxiproxy" || is_own(arg));
    let Some(arg) = run.get_arguments().filter(is_given).find(|arg| !is_accepted(arg)) else {
        return Ok(());
    };
    let flag = format!("--{}", arg.get_long().unwrap_or_default());
    let command = sub.get_name().to_owned();
    Err(if is_own(arg) {
        UsageError::FlagBeforeCommand { flag, command }
    } else {
        UsageError::FlagWithCommand { flag, command }
    })
}

/// The program, under the name whose `--help` explains an error in this line.
fn explaining(error: &clap::Error, command: Command, args: &[OsString]) -> Command {
    let sub = args.iter().skip(1).find_map(|arg| command.find_subcommand(arg)).map(Command::get_name);
    // A line without a sub-command is the short form of `run`.
    let sub = sub.unwrap_or("run");
    let name = format!("{} {sub}", command.get_name());
    if error.kind() == ErrorKind::InvalidSubcommand { command } else { command.name(name) }
}

/// The names of the commands.
pub(crate) fn command_names() -> Vec<String> {
    let names = Cli::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect::<Vec<_>>();
    names.into_iter().chain(["help".to_owned()]).collect()
}

/// The completion script of a shell; `words` are what can be run.
pub(crate) fn completions(shell: clap_complete::Shell, words: Vec<String>) -> String {
    let values = |arg: Arg| arg.value_parser(PossibleValuesParser::new(words.iter().cloned()));
    let command = Cli::command()
        .mut_subcommand("run", |run| run.mut_arg("names", values).mut_arg("scenario", values))
        .mut_subcommand("list", |list| list.mut_arg("names", values))
        .mut_subcommand("show", |show| show.mut_arg("name", values));
    let scenario = Flag { names: vec!["scenario", "playlist"], words: words.clone(), takes: Takes::List };
    completion::script(shell, command, &[scenario])
}

#[cfg(test)]
mod tests;
