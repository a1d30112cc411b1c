//! The command line of `lab`. Nothing is read or written here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use daemon_core::usage::{self, UsageError};

/// Writes the files of the native lab and prints its names and addresses; `deploy/lab.sh` starts and stops it
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
pub(crate) struct Cli {
    /// The folder of the lab: its identity, services, logs and state
    #[arg(long, value_name = "DIR", global = true, env = "LAB_HOME", default_value = ".lab")]
    pub(crate) home: PathBuf,
    /// The lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: SubCommand,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum SubCommand {
    /// Print identity, parts and addresses as assignments for a shell
    Settings,
    /// Check that the ports of the lab are free or held by this lab; exit 4 and the holder of each port where not
    Ports,
    /// Write configuration and services; print the name of each part, in the order of their start
    Write(Write),
    /// Print what installing the written services would do: lines of `remove|add|restart|keep NAME`
    Changes,
    /// Print the processes of the lab, as `PID supervisor|service|run` lines
    Members,
    /// Check that no process of the lab is left; exit 4 and a line for each one where not
    Left,
}

/// Where things are that the services need.
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
    /// A variable of the environment that loadgen gets; the others it does not
    #[arg(long = "loadgen-variable", value_name = "NAME")]
    pub(crate) loadgen_variables: Vec<String>,
}

/// A line that parsed, or text that was asked for instead.
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
        Err(error) => Err(usage::told(&error, &Cli::command(), &args)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_sound() {
        <super::Cli as clap::CommandFactory>::command().debug_assert();
    }
}
