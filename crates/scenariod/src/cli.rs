//! The command line: flags, sub-commands and what they mean together. Nothing is read or started here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use daemon_core::completion::{self, Flag, Takes};
use daemon_core::exit::{Exit, UserError};
use daemon_core::usage;
use daemon_core::values::{HostPort, HttpUrl, Positive, Span};

use crate::plan::TimeScale;
use crate::plan::schedule::{FOREVER, Loops};

const EXAMPLES: &str = "\
Examples:
  scenariod --scenario packet-loss-10             one scenario
  scenariod --scenario latency,partition-one      a family, then one scenario
  scenariod --scenario smoke                      a playlist
  scenariod --scenario ./mine.yaml --loop 3       a playlist of your own, three times
  scenariod --scenario all --time-scale 0.2       everything, in a fifth of the time
  scenariod show packet-loss-10                   when it does what, with every request
  scenariod check config                          what is wrong with the files of a folder";

/// Walks fault scenarios in three phases through Toxiproxy and leaves no fault behind
///
/// Exit codes: 0 the verdict passed; 1 it failed; 2 usage or configuration; 3 inconclusive; 4 set-up refused or
/// failed, nothing injected; 5 a fault may still be on; 130 and 143 interrupted and clean. A toxic is left only with 5.
#[derive(Debug, Parser)]
#[command(name = "scenariod", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// What to run, in this order: scenarios, families, playlists, the path of a playlist file, or `all`
    #[arg(long, visible_alias = "playlist", value_name = "NAME[,NAME|FAMILY|PLAYLIST|FILE|all]")]
    pub(crate) scenario: Vec<String>,
    /// Walk the whole list N times; without N for ever
    #[arg(long = "loop", value_name = "N", num_args = 0..=1, default_missing_value = FOREVER, allow_negative_numbers = true)]
    pub(crate) loops: Option<Loops>,
    /// Wait so long between two runs [default: what the playlist says, else not at all]
    #[arg(long, value_name = "DURATION")]
    pub(crate) pause: Option<Span>,
    /// Read everything a run reads, say what it would do, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Show what can be run, as `list` does; with --scenario only that
    #[arg(long)]
    pub(crate) list: bool,
    /// Factor on the length of phases and leases, on top of what a playlist says: with 0.1 a minute lasts 6 s
    #[arg(long, value_name = "F", value_parser = time_scale, allow_hyphen_values = true)]
    pub(crate) time_scale: Option<TimeScale>,
    /// Toxiproxy's API [default: `scenariod.toxiproxy` of the lab file]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) toxiproxy: Option<HttpUrl>,
    /// Run beside toxics of others on the nodes of the lab; they are written down
    #[arg(long)]
    pub(crate) allow_foreign: bool,
    /// Where runs keep their journals and locks; a guard needs the same [default: $LAB_STATE, else the XDG state folder]
    #[arg(long, value_name = "DIR", global = true, env = "LAB_STATE", hide_env = true)]
    pub(crate) state_dir: Option<PathBuf>,
    /// The Prometheus that the verdict is read from [default: $LAB_PROMETHEUS, else `scenariod.prometheus` of the lab file]
    #[arg(long, value_name = "URL", conflicts_with = "no_verdict")]
    pub(crate) prometheus: Option<HttpUrl>,
    /// A file with the bearer token for Prometheus [default: $LAB_PROMETHEUS_TOKEN is the token]
    #[arg(long, value_name = "FILE", conflicts_with = "no_verdict")]
    pub(crate) prometheus_token_file: Option<PathBuf>,
    /// Walk the phases and judge nothing
    #[arg(long)]
    pub(crate) no_verdict: bool,
    /// Print the report of the runs as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to serve metrics [default: `metrics_addr`, for the guard `guard_addr`, of the lab file]
    #[arg(long, value_name = "ADDR", global = true)]
    pub(crate) metrics_addr: Option<HostPort>,
    /// The lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// A folder of scenario files that add to the catalogue or replace entries
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) catalogue: Option<PathBuf>,
    /// Stay at most this long after the last phase, for two further scrapes [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) linger: Option<Span>,
    /// Seed for targets picked by count [default: a new one, printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Say nothing while runs go, only what is wrong and how they ended
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Option<SubCommand>,
}

/// Everything that runs no scenario.
#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    #[command(after_help = "Examples: scenariod list; scenariod list latency smoke; scenariod list --json")]
    /// Show what can be run; touches nothing
    List {
        /// Only these: scenarios, families, playlists
        names: Vec<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// As the page of the documentation
        #[arg(long, hide = true, conflicts_with = "json")]
        markdown: bool,
    },
    /// Show one scenario with its timeline and every request it makes, or a playlist with its runs; touches nothing
    Show {
        /// A scenario, a family, a playlist or the path of a playlist file
        name: String,
    },
    /// Check scenario, playlist and lab files, all problems at once; without PATHS what is built in and the lab file
    Check {
        /// Files, or folders with all that is below them
        paths: Vec<PathBuf>,
    },
    #[command(after_help = "Example: scenariod guard --metrics-addr 127.0.0.1:9095 --state-dir /var/lib/lab")]
    /// Watch Toxiproxy and remove what a killed run left behind; runs until it is stopped
    Guard {
        /// Look so often
        #[arg(long, value_name = "DURATION", default_value = "1s")]
        interval: Positive,
    },
    #[command(
        after_help = "Examples: scenariod clean --dry-run; scenariod clean --toxiproxy http://127.0.0.1:8474"
    )]
    /// Remove what runs have left behind, and say what was found: exit 0 when nothing is left, 4 when no Toxiproxy is there, else 5
    Clean {
        /// Only say what would be removed
        #[arg(long = "dry-run", id = "clean_dry_run")]
        dry_run: bool,
    },
    /// Print Toxiproxy's start-up configuration for the lab's nodes
    Proxies,
    #[command(
        after_help = "Examples: scenariod health; scenariod health --metrics-addr 127.0.0.1:9095 asks the guard"
    )]
    /// Ask a running scenario, or the guard, whether it is well: exit 0 or 1
    Health,
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Anything else: most likely the name of a scenario.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// A command line that makes no sense.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsageError {
    #[error(transparent)]
    Refused(#[from] usage::UsageError),
    #[error("{flag} cannot be used with the command `{command}`")]
    FlagWithCommand { flag: &'static str, command: &'static str },
    #[error("unknown command: {word}")]
    UnknownCommand { word: String, hint: String },
    #[error("NAME is missing")]
    NothingToShow,
    #[error("nothing to run: --scenario is missing")]
    NothingToRun,
    #[error("{name} must be {wants}")]
    Variable { name: &'static str, wants: &'static str },
    #[error("--time-scale times the playlist's time scale must be {}", TimeScale::BOUNDS)]
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
            UsageError::FlagWithCommand { .. } | UsageError::TimeScale => {
                Some("`scenariod --help` shows the usage".to_owned())
            }
            UsageError::NothingToShow => {
                Some("`scenariod list` shows what there is, `scenariod show NAME` one of it".to_owned())
            }
            UsageError::NothingToRun => {
                Some("`scenariod list` shows what there is, `scenariod --scenario NAME` runs it".to_owned())
            }
        }
    }
}

/// A line that parsed, or text that was asked for instead.
#[derive(Debug)]
pub(crate) enum Parsed {
    Cli(Box<Cli>),
    Text(String),
}

/// Parses a command line, program name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            let shown = command().try_get_matches_from(&args).err().unwrap_or(asked);
            return Ok(Parsed::Text(shown.to_string()));
        }
        Err(error) if nothing_to_show(&error) => return Err(UsageError::NothingToShow),
        Err(error) => return Err(usage::told(&error, &Cli::command(), &args).into()),
    };
    if let (Some(command), Some(flag)) = (&cli.command, cli.run_flag()) {
        let command = match command {
            SubCommand::List { .. } => "list",
            SubCommand::Show { .. } => "show",
            SubCommand::Check { .. } => "check",
            SubCommand::Guard { .. } => "guard",
            SubCommand::Clean { .. } => "clean",
            SubCommand::Proxies => "proxies",
            SubCommand::Health => "health",
            SubCommand::Completions { .. } => "completions",
            // The better message is about the unknown word.
            SubCommand::Other(_) => return Ok(Parsed::Cli(Box::new(cli))),
        };
        return Err(UsageError::FlagWithCommand { flag, command });
    }
    Ok(Parsed::Cli(Box::new(cli)))
}

/// The flags of every command that mean something to this one. Its help shows no others.
fn heeded(command: &str) -> &'static [&'static str] {
    match command {
        "list" | "completions" => &["catalogue"],
        "show" | "check" => &["config", "catalogue"],
        "guard" => &["toxiproxy", "state_dir", "metrics_addr", "config"],
        "clean" => &["toxiproxy", "state_dir", "config"],
        "proxies" => &["config"],
        "health" => &["metrics_addr", "config"],
        _ => &[],
    }
}

/// The command line with the help of each command cut down to its own flags.
fn command() -> clap::Command {
    let command = Cli::command();
    let global: Vec<clap::Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    let asked = "Where the daemon serves its metrics [default: `metrics_addr` of the lab file]";
    command.mut_subcommands(|sub| {
        let heeded = heeded(sub.get_name());
        let health = sub.get_name() == "health";
        let own = global.iter().cloned().map(|arg| match arg.get_id().as_str() {
            "metrics_addr" if health => arg.help(asked),
            id => {
                let hidden = !heeded.contains(&id);
                arg.hide(hidden)
            }
        });
        sub.args(own)
    })
}

/// Only `show` has to be given a name.
fn nothing_to_show(error: &clap::Error) -> bool {
    let missing = error.get(ContextKind::InvalidArg);
    let name = |missing: &ContextValue| matches!(missing, ContextValue::Strings(all) if all == &["<NAME>"]);
    error.kind() == ErrorKind::MissingRequiredArgument && missing.is_some_and(name)
}

impl Cli {
    /// A flag that only makes sense for a run, if one is given.
    fn run_flag(&self) -> Option<&'static str> {
        let given = [
            (!self.scenario.is_empty(), "--scenario"),
            (self.loops.is_some(), "--loop"),
            (self.pause.is_some(), "--pause"),
            (self.dry_run, "--dry-run"),
            (self.list, "--list"),
            (self.time_scale.is_some(), "--time-scale"),
            (self.allow_foreign, "--allow-foreign"),
            (self.toxiproxy.is_some() && !self.talks_to_toxiproxy(), "--toxiproxy"),
            (self.linger.is_some(), "--linger"),
            (self.prometheus.is_some(), "--prometheus"),
            (self.prometheus_token_file.is_some(), "--prometheus-token-file"),
            (self.no_verdict, "--no-verdict"),
            (self.json, "--json"),
            (self.seed.is_some(), "--seed"),
            (self.quiet, "--quiet"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, flag)| flag)
    }
}

impl Cli {
    fn talks_to_toxiproxy(&self) -> bool {
        matches!(self.command, Some(SubCommand::Guard { .. } | SubCommand::Clean { .. }))
    }
}

fn time_scale(text: &str) -> Result<TimeScale, String> {
    let factor = f64::from_str(text).ok().and_then(TimeScale::new);
    factor.ok_or_else(|| format!("must be a number {}", TimeScale::BOUNDS))
}

/// The completion script of a shell; `words` are what can be run.
pub(crate) fn completions(shell: clap_complete::Shell, words: Vec<String>) -> String {
    let values = || PossibleValuesParser::new(words.iter().cloned());
    let command = Cli::command()
        .mut_subcommand("list", |list| list.mut_arg("names", |arg| arg.value_parser(values())))
        .mut_subcommand("show", |show| show.mut_arg("name", |arg| arg.value_parser(values())));
    let scenario = Flag { names: vec!["scenario", "playlist"], words: words.clone(), takes: Takes::List };
    completion::script(shell, command, &[scenario])
}

#[cfg(test)]
mod tests;
