//! The command line of `lab`. Nothing is read or written here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use daemon_core::usage::UsageError;

/// Writes the files of the native lab, prints its names and addresses, and stops it. `deploy/lab.sh` calls it
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub(crate) struct Cli {
    /// The lab's folder, with its identity, services, logs and state
    #[arg(long, value_name = "DIR", global = true, env = "LAB_HOME", default_value = ".lab")]
    pub(crate) home: PathBuf,
    /// The lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in file]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: SubCommand,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    /// Print the lab's identity and addresses as assignments for a shell
    Settings,
    /// Check that no other process uses the lab's ports; else name each port and its process, and exit with 4
    Ports,
    /// Write configuration and services; print the name of each part, in the order of their start
    Write(Write),
    /// Install the written services, start their supervisor, and wait until every part answers
    Start {
        /// The folder with runsvdir, runsv and sv
        #[arg(long, value_name = "DIR")]
        programs: PathBuf,
        /// The parts, in the order of their start
        parts: Vec<String>,
    },
    /// Print each part with its address; exit with 0 only if every part is up
    Status {
        /// The checkout
        #[arg(long, value_name = "DIR")]
        root: PathBuf,
    },
    /// Show the last lines of the logs of all parts, or of some
    Logs {
        /// Keep printing new lines
        #[arg(short, long)]
        follow: bool,
        /// Names of parts; `scenariod` is the journal of its newest run
        parts: Vec<String>,
    },
    /// Stop every process of the lab: scenarios first, then the supervisor and the services
    Stop,
}

/// The folders that the services need.
#[derive(Debug, Args)]
pub(crate) struct Write {
    /// The checkout
    #[arg(long, value_name = "DIR")]
    pub(crate) root: PathBuf,
    /// The folder with memcached, toxiproxy-server, prometheus and svlogd
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: PathBuf,
    /// The folder with loadgen and scenariod
    #[arg(long, value_name = "DIR")]
    pub(crate) daemons: PathBuf,
    /// An environment variable that is passed on to loadgen, and only to loadgen
    #[arg(long = "loadgen-variable", value_name = "NAME")]
    pub(crate) loadgen_variables: Vec<String>,
}

/// A parsed command line, or the text that it asked for.
#[derive(Debug)]
pub(crate) enum Parsed {
    Cli(Cli),
    Text(String),
}

/// Parses a command line, program name first.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    match Cli::try_parse_from(&args) {
        Ok(cli) => Ok(Parsed::Cli(cli)),
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Text(asked.to_string()))
        }
        Err(error) => Err(UsageError::new(&error, &Cli::command(), &args)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
