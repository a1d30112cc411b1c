//! The scenario daemon: walks fault scenarios in three phases through Toxiproxy and leaves no fault behind.
//!
//! Data flows one way: command line and catalogue make a plan, the pure machine says what comes next, the driver does
//! it through the injector. Nothing here knows memcached. This file only sends a command to its module.

mod aim;
mod assess;
mod catalogue;
mod check;
mod clean;
mod cli;
mod clock_watch;
mod driver;
mod dry_run;
mod duration;
mod epoch;
mod fault;
mod forewarn;
mod guard;
mod injector;
mod journal;
mod judge;
mod lease;
mod ledger;
mod library;
mod linger;
mod list;
mod live;
mod lock;
mod machine;
mod metrics;
mod moments;
mod names;
mod narrator;
mod order;
mod plan;
mod playlist;
mod progress;
mod prom;
mod promql;
mod reconcile;
mod report;
mod run;
mod scenario;
mod schedule;
mod select;
mod settings;
mod show;
mod sources;
mod stage;
mod state;
mod stop_watch;
mod supervisor;
mod sweep;
mod timeline;
mod toxic;
mod toxiproxy;
mod verdict;
mod wrap;

use std::ffi::OsString;

use daemon_core::exit::{Exit, UserError, print, report};
use daemon_core::lab::Lab;
use daemon_core::suggest::nearest;
use daemon_core::values::HostPort;
use daemon_core::{health, logging};

use cli::{Cli, Parsed, SubCommand, UsageError};
use library::Library;
use narrator::LogLines;
use settings::{Settings, proxies};
use state::StateDir;

/// Any error that ends a command.
type Failure = Box<dyn UserError>;

/// Runs one command line, program name first, to its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let log = LogLines::default();
    let writer = log.clone();
    logging::init_to("error", move || writer.clone());
    command(args, &log).unwrap_or_else(|failure| report(failure.as_ref()))
}

fn command(args: impl IntoIterator<Item = OsString>, log: &LogLines) -> Result<Exit, Failure> {
    let cli = match cli::parse(args).map_err(fail)? {
        Parsed::Text(text) => return Ok(say(&text)),
        Parsed::Cli(cli) => *cli,
    };
    let text = match &cli.command {
        None if !cli.list => return order::run(&cli, log),
        None => list(&cli, &cli.scenario, cli.json)?,
        Some(SubCommand::List { markdown: true, .. }) => list::markdown(&load_library(&cli)?),
        Some(SubCommand::Show { name }) => order::show(&cli, name)?,
        Some(SubCommand::List { names, json, .. }) => list(&cli, names, *json)?,
        Some(SubCommand::Check { paths }) => {
            check::check(paths, cli.config.as_deref(), cli.catalogue.as_deref()).map_err(fail)?
        }
        Some(SubCommand::Guard { interval }) => return guard::run(&cli, interval.get()),
        Some(SubCommand::Clean { dry_run }) => return clean::run(&cli, *dry_run),
        Some(SubCommand::Proxies) => toxiproxy::start_up_config(&proxies(&load_lab(&cli)?)),
        Some(SubCommand::Health) => return check_health(&cli),
        Some(SubCommand::Completions { shell }) => {
            cli::completions(*shell, load_library(&cli)?.words().map(str::to_owned).collect())
        }
        Some(SubCommand::Other(words)) => return Err(unknown_command(&cli, words)),
    };
    Ok(say(&text))
}

fn fail<E: UserError + 'static>(error: E) -> Failure {
    Box::new(error)
}

/// What can be run, or what of it is named.
fn list(cli: &Cli, names: &[String], json: bool) -> Result<String, Failure> {
    let mut library = load_library(cli)?;
    if !names.is_empty() {
        let words = || select::words(names.iter().map(String::as_str));
        library.open(words()).map_err(fail)?;
        library = select::only(&library, words()).map_err(fail)?;
    }
    Ok(if json { list::json(&library) } else { list::table(&library) })
}

fn load_library(cli: &Cli) -> Result<Library, Failure> {
    Library::load(cli.catalogue.as_deref()).map_err(fail)
}

fn load_lab(cli: &Cli) -> Result<Lab, Failure> {
    Lab::load(cli.config.as_deref()).map_err(fail)
}

fn load_state(cli: &Cli) -> Result<StateDir, Failure> {
    StateDir::locate(cli.state_dir.as_deref()).map_err(fail)
}

/// A full disk below standard output is nothing a hint could help with.
fn say(text: &str) -> Exit {
    match print(text) {
        Ok(()) => Exit::Ok,
        Err(error) => report(&error),
    }
}

/// Where no address is named and nobody answers at that of a run.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
struct NoRun {
    cause: health::Unhealthy,
    guard: HostPort,
}

impl UserError for NoRun {
    fn exit(&self) -> Exit {
        self.cause.exit()
    }

    fn hint(&self) -> Option<String> {
        let asks = format!("`scenariod health --metrics-addr {}` asks the guard", self.guard);
        Some(format!("no scenario is running, or it serves elsewhere; {asks}"))
    }
}

fn check_health(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.metrics_addr {
        Some(addr) => health::probe(addr).map_err(fail)?,
        None => {
            let Settings { metrics_addr, guard_addr: guard, .. } =
                Settings::new(&load_lab(cli)?, None, None).map_err(fail)?;
            health::probe(&metrics_addr).map_err(|cause| fail(NoRun { cause, guard }))?;
        }
    }
    Ok(Exit::Ok)
}

/// A bare word is most likely a scenario without its flag; what it is to be run with needs no word.
fn unknown_command(cli: &Cli, words: &[OsString]) -> Failure {
    let mut words = words.iter().map(|word| word.to_string_lossy().into_owned());
    let word = words.next().unwrap_or_default();
    let named =
        words.find(|word| !word.starts_with('-')).filter(|_| matches!(word.as_str(), "run" | "start"));
    let meant = named.as_ref().unwrap_or(&word);
    let words = ["list", "show", "check", "guard", "clean", "proxies", "health", "completions", "help"];
    let command = nearest(&word, words);
    let near = || load_library(cli).ok().and_then(|library| library.near(meant));
    let scenario = if library::is_path(meant) { Some(meant.clone()) } else { near() };
    // Behind `--scenario` it is one more of them.
    let scenario =
        scenario.map(|word| cli.scenario.iter().cloned().chain([word]).collect::<Vec<_>>().join(","));
    let hint = match (scenario, command) {
        (Some(scenario), _) => format!("scenariod --scenario {scenario}"),
        (None, Some(command)) => format!("scenariod {command}"),
        (None, None) => "`scenariod --help` shows the commands, `scenariod list` the scenarios".to_owned(),
    };
    fail(UsageError::UnknownCommand { word, hint })
}

/// The command line, for programs that ask what it accepts.
pub fn command_line() -> clap::Command {
    <cli::Cli as clap::CommandFactory>::command()
}
