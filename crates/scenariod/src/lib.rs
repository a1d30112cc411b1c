//! The scenario daemon: runs fault scenarios in three phases through Toxiproxy and removes every fault afterwards.
//!
//! Data flows one way: command line and catalogue make a plan, the pure state machine decides the next step, and the driver
//! takes it through the injector. Nothing here knows memcached. This file only calls the module of a command.

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
use daemon_core::{descriptors, logging};

use cli::{Cli, CommandLine, SubCommand};
use commands::context::{load_lab, load_library, print_output};
use commands::{check, clean, guard, health, list, run as run_command, show, unknown};
use settings::proxies;
use terminal::narrator::LogLines;

/// Runs one command line, program name first, to its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    descriptors::raise_limit();
    let log = LogLines::default();
    let writer = log.clone();
    logging::init_to("error", move || writer.clone());
    command(args, &log).unwrap_or_else(|failure| failure.report())
}

/// The command line, for programs that check what it accepts.
pub fn command_line() -> clap::Command {
    <cli::Cli as clap::CommandFactory>::command()
}

fn command(args: impl IntoIterator<Item = OsString>, log: &LogLines) -> Result<Exit, Failure> {
    let Cli { short, command } = match cli::parse(args)? {
        CommandLine::Cli(cli) => *cli,
        CommandLine::Text(text) => return Ok(print_output(&text)),
    };
    let text = match command {
        None => return run_command::run(&short, log),
        Some(SubCommand::Run(command)) => return run_command::run(&command.into_args(), log),
        Some(SubCommand::List(args)) => list::list(&args)?,
        Some(SubCommand::Show(args)) => show::show(&args)?,
        Some(SubCommand::Check(args)) => check::check(&args)?,
        Some(SubCommand::Guard(args)) => return guard::run(&args),
        Some(SubCommand::Clean(args)) => return clean::run(&args),
        Some(SubCommand::Proxies(lab)) => toxiproxy::start_up_config(&proxies(&load_lab(&lab)?)),
        Some(SubCommand::Health(args)) => return health::health(&args),
        Some(SubCommand::Completions(args)) => {
            let library = load_library(&args.catalogue)?;
            cli::completions(args.shell, library.words().map(str::to_owned).collect())
        }
        Some(SubCommand::Other(words)) => return Err(unknown::unknown_command(&short, &words)),
    };
    Ok(print_output(&text))
}
