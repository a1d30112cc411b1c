//! The load generator: it sends steady memcached load through a real client stack and exports the client's metrics.
//!
//! It does not know that faults exist. Data flows one way: the command line and the lab file make a plan, pure decisions
//! (`workload`, `keys`, `value`, `pacer`, `stack::{route, breaker}`) select the next operation, workers perform and count
//! it. Only `run` sees all other modules. This file only passes a command to its module.

mod check;
mod cli;
mod config;
mod dispatch;
mod exchange_log;
mod heartbeat;
mod histogram_file;
mod history;
mod keys;
mod ledger;
mod load;
mod mix;
mod node_stats;
mod node_watch;
mod open_loop;
mod pacer;
mod payload;
mod plan;
mod popularity;
mod probe;
mod profile;
mod ready;
pub mod recorder;
mod run;
mod sampler;
mod stack;
mod state;
mod summary;
mod timer;
mod value;
mod warm;
mod worker;
mod workload;
mod workload_file;
mod zipf;

use std::ffi::OsString;

use daemon_core::exit::{Exit, Failure, UserError, print};
use daemon_core::lab::Lab;
use daemon_core::{health, logging};

use cli::{Cli, CommandLine, SubCommand};
use histogram_file::HistogramFile;
use recorder::RecorderFactory;

/// The error of a run with `--fail-on-corrupt` that read wrong values.
#[derive(Debug, thiserror::Error)]
#[error("wrong values were read: {count}")]
struct CorruptReads {
    count: u64,
}

impl UserError for CorruptReads {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn hint(&self) -> Option<String> {
        Some("the log shows the first one and the last exchanges on its connection".to_owned())
    }
}

/// Runs one command line, which begins with the program's name, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    main_with(args, &())
}

/// As [`main`], with recorders of your own beside the Prometheus families.
pub fn main_with(args: impl IntoIterator<Item = OsString>, factory: &impl RecorderFactory) -> Exit {
    logging::init("info");
    run_command(args, factory).unwrap_or_else(|failure| failure.report())
}

fn run_command(
    args: impl IntoIterator<Item = OsString>,
    factory: &impl RecorderFactory,
) -> Result<Exit, Failure> {
    let cli = match cli::parse(args)? {
        CommandLine::Text(text) => return print_text(&text),
        CommandLine::Cli(cli) => *cli,
    };
    match &cli.command {
        None => {
            let plan = config::plan(&load_lab(&cli)?, &cli)?;
            let histogram = cli.histogram.map(HistogramFile::create).transpose()?;
            let result = run::run(plan, factory).inspect_err(|error| {
                if cli.json {
                    // If this fails, the caller still prints the message to standard error.
                    let _ = print(&summary::format_failure(error));
                }
            })?;
            let written =
                histogram.map_or(Ok(()), |file| file.write(&result.histogram)).map_err(Failure::from);
            let printed = print_text(&result.summary).and_then(|exit| written.map(|()| exit));
            if cli.fail_on_corrupt && result.corrupt > 0 {
                // A failed write must not hide the wrong values.
                let _ = printed.map_err(|error| error.report());
                return Err(CorruptReads { count: result.corrupt }.into());
            }
            printed
        }
        Some(SubCommand::Check { paths }) => print_text(&check::check(paths, &cli)?),
        Some(SubCommand::Health) => {
            let addr = match &cli.metrics_addr {
                Some(addr) => addr.clone(),
                None => config::metrics_addr(&load_lab(&cli)?)?,
            };
            health::probe(&addr)?;
            Ok(Exit::Ok)
        }
        Some(SubCommand::Variables) => print_text(&cli::variables()),
        Some(SubCommand::Completions { shell }) => print_text(&cli::completions(*shell)),
    }
}

fn load_lab(cli: &Cli) -> Result<Lab, Failure> {
    Ok(Lab::load(cli.config.as_deref())?)
}

fn print_text(text: &str) -> Result<Exit, Failure> {
    print(text)?;
    Ok(Exit::Ok)
}

/// The command line, for programs that ask what it accepts.
pub fn command_line() -> clap::Command {
    <cli::Cli as clap::CommandFactory>::command()
}
