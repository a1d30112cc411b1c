//! The command line: flags and sub-commands. What they mean together with the lab file is in `config`.

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

use crate::config::presets::{CLIENTS, Choice, Shipped, WORKLOADS};

pub(crate) use client::ClientFlags;

/// Drives a steady memcached workload through a real client stack and exports what the client sees
///
/// Flags win over variables, variables over the lab file. Exit codes: 0 at the end of --duration and after a drained SIGINT or SIGTERM; 1 with
/// --fail-on-corrupt after a wrong value; 2 usage or configuration; 4 set-up failed: a port is taken or a node does not answer.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The nodes to load, instead of the lab file's
    #[arg(long, value_name = "NAME=HOST:PORT,...")]
    pub(crate) servers: Option<Targets>,
    /// What to send: mixed, get, get-heavy, set-heavy, zipf, or a workload file of your own
    #[arg(long, value_name = "NAME|FILE.yaml", value_parser = workload)]
    pub(crate) workload: Option<Choice>,
    /// Open loop: operations per second over all nodes, sent at their times whatever became of the others
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(crate) rate: Option<u32>,
    /// Open loop: an operation that has no worker and no connection so long after its time is dropped and counted [default:
    /// the operation's deadline]
    #[arg(long, value_name = "DURATION", conflicts_with = "think_time")]
    pub(crate) max_start_delay: Option<Positive>,
    /// Workers, each with one operation at a time [default: 100; open loop: those that one deadline's operations need]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) concurrency: Option<u32>,
    /// How many keys take 30% of the requests; 0 for none
    #[arg(long, value_name = "N")]
    pub(crate) hot_keys: Option<u64>,
    /// Closed loop: a worker sends its next operation this long after the end of the last one
    #[arg(long, value_name = "DURATION", conflicts_with = "rate")]
    pub(crate) think_time: Option<Span>,
    /// End after this time [default: never]
    #[arg(long, value_name = "DURATION")]
    pub(crate) duration: Option<Positive>,
    /// Print the summary at the end as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// At the end, write how the times of all operations were spread to this file, as CSV in cells 1% wide
    #[arg(long, value_name = "FILE")]
    pub(crate) histogram: Option<PathBuf>,
    /// Exit with 1 at the end if any read returned a wrong value
    #[arg(long)]
    pub(crate) fail_on_corrupt: bool,
    /// Threads that send
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: Option<u32>,
    /// Seed of all random choices: equal seeds send equal operations [default: a new one, logged]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where to serve metrics [default: `loadgen.metrics_addr` of the lab file]
    #[arg(long, value_name = "ADDR", global = true)]
    pub(crate) metrics_addr: Option<HostPort>,
    #[command(flatten)]
    pub(crate) client: ClientFlags,
    #[command(subcommand)]
    pub(crate) command: Option<SubCommand>,
}

/// Everything that sends no load.
#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    /// Check lab, workload and client files, all problems at once; without PATHS the lab file
    Check {
        /// Files or folders
        paths: Vec<PathBuf>,
    },
    /// Ask the running daemon whether it is well: exit 0 or 1
    Health,
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Nodes by name and address, unique by name, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Targets(pub(crate) Vec<(ServerName, HostPort)>);

impl FromStr for Targets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        let mut targets = Vec::new();
        for part in text.split(',') {
            let (name, address) =
                part.split_once('=').ok_or_else(|| format!("`{part}` is not of the form NAME=HOST:PORT"))?;
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

fn workload(text: &str) -> Result<Choice, String> {
    Choice::of(WORKLOADS, text)
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
    match Cli::try_parse_from(&args) {
        Ok(cli) => Ok(Parsed::Cli(Box::new(cli))),
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Text(asked.to_string()))
        }
        Err(error) => Err(UsageError::new(&error, &Cli::command(), &args)),
    }
}

/// The completion script of a shell; where no preset is meant, a shell offers files.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let flag = |name, shelf: &[Shipped]| Flag {
        names: vec![name],
        words: shelf.iter().map(|shipped| shipped.name.to_owned()).collect(),
        takes: Takes::One,
    };
    completion::script(shell, Cli::command(), &[flag("workload", WORKLOADS), flag("client", CLIENTS)])
}

#[cfg(test)]
mod tests {
    use super::Targets;

    #[test]
    fn the_command_line_is_sound() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn targets_are_named_and_unique() {
        let two: Targets = "a=127.0.0.1:1,b=localhost:2".parse().unwrap();
        assert_eq!(two.0[1].1.to_string(), "localhost:2");
        let wrong = |text: &str| text.parse::<Targets>().unwrap_err();
        assert_eq!(wrong("127.0.0.1:1"), "`127.0.0.1:1` is not of the form NAME=HOST:PORT");
        assert_eq!(wrong("a=h:1,a=h:2"), "duplicate node name `a`");
        assert_eq!(
            wrong("a b=h:1"),
            "invalid node name `a b`: use letters, digits, `-`, `_` and `.`, at most 63 characters and not only dots"
        );
        assert!(wrong("a=h").starts_with("`h` of node `a` is not an address"));
        assert_eq!(wrong(""), "`` is not of the form NAME=HOST:PORT");
    }
}
