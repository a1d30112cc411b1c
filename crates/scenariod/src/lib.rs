//! The scenario daemon: walks fault scenarios in three phases through Toxiproxy and leaves no fault behind.
//!
//! Data flows one way: command line and catalogue make a plan, the pure machine says what comes next, the driver does
//! it through the injector. Nothing here knows memcached. This file only sends a command to its module.

mod catalogue;
mod cli;
mod clock;
mod commands;
mod fault;
mod http;
mod injector;
mod lease;
mod metrics;
mod plan;
mod prometheus;
mod promql;
mod run;
mod scenario;
mod settings;
mod state;
mod terminal;
mod text;
mod toxiproxy;
mod verdict;

use std::ffi::OsString;

use daemon_core::exit::{Exit, Failure};
use daemon_core::logging;

use cli::{Parsed, SubCommand};
use commands::context::{load_lab, load_library, say};
use commands::{check, clean, guard, health, list, run as run_command, show, unknown};
use settings::proxies;
use terminal::narrator::LogLines;

/// Runs one command line, program name first, to its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let log = LogLines::default();
    let writer = log.clone();
    logging::init_to("error", move || writer.clone());
    command(args, &log).unwrap_or_else(|failure| failure.report())
}

/// The command line as clap knows it, for what checks the pages against it.
pub fn command_line() -> clap::Command {
    <cli::Cli as clap::CommandFactory>::command()
}

fn command(args: impl IntoIterator<Item = OsString>, log: &LogLines) -> Result<Exit, Failure> {
    let cli = match cli::parse(args)? {
        Parsed::Text(text) => return Ok(say(&text)),
        Parsed::Cli(cli) => *cli,
    };
    let text = match &cli.command {
        None if !cli.list => return run_command::run(&cli, log),
        None => list::list(&cli, &cli.scenario, cli.json)?,
        Some(SubCommand::List { markdown: true, .. }) => list::markdown(&load_library(&cli)?),
        Some(SubCommand::Show { name }) => show::show(&cli, name)?,
        Some(SubCommand::List { names, json, .. }) => list::list(&cli, names, *json)?,
        Some(SubCommand::Check { paths }) => {
            check::check(paths, cli.config.as_deref(), cli.catalogue.as_deref())?
        }
        Some(SubCommand::Guard { interval }) => return guard::run(&cli, interval.get()),
        Some(SubCommand::Clean { dry_run }) => return clean::run(&cli, *dry_run),
        Some(SubCommand::Proxies) => toxiproxy::start_up_config(&proxies(&load_lab(&cli)?)),
        Some(SubCommand::Health) => return health::health(&cli),
        Some(SubCommand::Completions { shell }) => {
            cli::completions(*shell, load_library(&cli)?.words().map(str::to_owned).collect())
        }
        Some(SubCommand::Other(words)) => return Err(unknown::unknown_command(&cli, words)),
    };
    Ok(say(&text))
}
