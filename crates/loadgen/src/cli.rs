//! The command line: flags and sub-commands. `config` combines them with the lab file.

mod client;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use daemon_core::completion::{self, Flag, Takes};
use daemon_core::name::ServerName;
use daemon_core::usage::UsageError;
use daemon_core::values::{HostPort, Positive, Span};

use crate::config::presets::{CLIENTS, Preset, PresetOrFile, WORKLOADS};

pub(crate) use client::ClientFlags;

/// Sends steady memcached load through a real client stack and exports the client's metrics
///
/// Flags override variables, and variables override the lab file. Exit codes: 0 after --duration, SIGINT or SIGTERM; 1 with --fail-on-corrupt if
/// a read returned a wrong value; 2 invalid usage or configuration; 4 set-up failed, for example a port is in use or a node does not answer.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Nodes to load, instead of those in the lab file
    #[arg(long, value_name = "NAME=HOST:PORT,...")]
    pub(crate) servers: Option<Targets>,
    /// Workload to send: mixed, get, get-heavy, set-heavy, zipf, or your own workload file
    #[arg(long, value_name = "NAME|FILE.yaml", value_parser = workload)]
    pub(crate) workload: Option<PresetOrFile>,
    /// Open loop: operations per second over all nodes, sent on schedule, regardless of outstanding operations
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: Option<u32>,
    /// Open loop: drop and count an operation that has no worker or no connection this long after its scheduled start
    /// [default: the operation timeout]
    #[arg(long, value_name = "DURATION", conflicts_with = "think_time")]
    pub(crate) max_start_delay: Option<Positive>,
    /// Workers; each sends one operation at a time [default: 100; open loop: one for each operation that starts within one
    /// operation timeout, at least 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: Option<u32>,
    /// Number of hot keys, which get 30% of the requests; 0 for none
    #[arg(long, value_name = "N")]
    pub(crate) hot_keys: Option<u64>,
    /// Closed loop: pause of a worker between two operations
    #[arg(long, value_name = "DURATION", conflicts_with = "rate")]
    pub(crate) think_time: Option<Span>,
    /// Stop after this time [default: never]
    #[arg(long, value_name = "DURATION")]
    pub(crate) duration: Option<Positive>,
    /// Print the final summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a histogram of all operation times to this CSV file at the end, in buckets 1% wide
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    /// Exit with code 1 at the end if any read returned a wrong value
    #[arg(long)]
    pub(crate) fail_on_corrupt: bool,
    /// Number of threads that send the load
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: Option<u32>,
    /// Seed of all random choices; the same seed sends the same operations [default: random, written to the log]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Address to serve metrics on [default: `loadgen.metrics_addr` in the lab file]
    #[arg(long, value_name = "ADDR", global = true)]
    pub(crate) metrics_addr: Option<HostPort>,
    #[command(flatten)]
    pub(crate) client: ClientFlags,
    #[command(subcommand)]
    pub(crate) command: Option<SubCommand>,
}

/// The sub-commands. None of them sends load.
#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    /// Check lab, workload and client files and print all problems; without PATHS, check the lab file
    Check {
        /// Files or folders
        paths: Vec<PathBuf>,
    },
    /// Check the health of the running daemon; exit with code 0 or 1
    Health,
    /// Print the name of every variable that sets a flag, one per line
    #[command(hide = true)]
    Variables,
    /// Print a shell completion script
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
}

/// Nodes by name and address: at least one, no name twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Targets(pub(crate) Vec<(ServerName, HostPort)>);

impl FromStr for Targets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        let mut targets = Vec::new();
        for part in text.split(',') {
            let (name, address) =
                part.split_once('=').ok_or_else(|| format!("`{part}` must have the form NAME=HOST:PORT"))?;
            let name = ServerName::new(name).map_err(|error| error.to_string())?;
            let address =
                address.parse().map_err(|error| format!("`{address}` of node `{name}` is {error}"))?;
            if !names.insert(name.clone()) {
                return Err(format!("duplicate node name `{name}`"));
            }
            targets.push((name, address));
        }
        Ok(Self(targets))
    }
}

fn workload(text: &str) -> Result<PresetOrFile, String> {
    PresetOrFile::parse(WORKLOADS, text)
}

/// A parsed command line: a command to run, or a text to print.
#[derive(Debug)]
pub(crate) enum CommandLine {
    Cli(Box<Cli>),
    Text(String),
}

/// Parses a command line, which begins with the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<CommandLine, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => Ok(CommandLine::Cli(Box::new(cli))),
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(CommandLine::Text(asked.to_string()))
        }
        Err(error) => Err(UsageError::new(&error, &Cli::command(), &args)),
    }
}

/// The variables that set a flag, one per line.
pub(crate) fn variables() -> String {
    let command = Cli::command();
    let variables = command.get_arguments().filter_map(clap::Arg::get_env);
    variables.map(|name| format!("{}\n", name.display())).collect()
}

/// The completion script of a shell. It offers presets, and files as any shell does.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let flag = |name, presets: &[Preset]| Flag {
        names: vec![name],
        words: presets.iter().map(|shipped| shipped.name.to_owned()).collect(),
        takes: Takes::One,
    };
    completion::script(shell, Cli::command(), &[flag("workload", WORKLOADS), flag("client", CLIENTS)])
}

#[cfg(test)]
mod tests {
    use super::Targets;

    #[test]
    fn the_command_line_is_valid() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn targets_have_unique_names() {
        let two: Targets = "a=127.0.0.1:1,b=localhost:2".parse().unwrap();
        assert_eq!(two.0[1].1.to_string(), "localhost:2");
        let wrong = |text: &str| text.parse::<Targets>().unwrap_err();
        assert_eq!(wrong("127.0.0.1:1"), "`127.0.0.1:1` must have the form NAME=HOST:PORT");
        assert_eq!(wrong("a=h:1,a=h:2"), "duplicate node name `a`");
        assert_eq!(
            wrong("a b=h:1"),
            "invalid node name `a b`: use letters, digits, `-`, `_` and `.`, at most 63 characters, with no dash or dot at the start"
        );
        assert!(wrong("a=h").starts_with("`h` of node `a` is not an address"));
        assert_eq!(wrong(""), "`` must have the form NAME=HOST:PORT");
    }
}
