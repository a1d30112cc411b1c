//! The load generator: steady memcached load through a real client stack, and what it lived through as metrics.
//!
//! It knows nothing of faults. Data flows one way: command line and lab file make a plan, pure decisions (`workload`,
//! `keys`, `value`, `pacer`, `stack::{route, breaker}`) say what comes next, workers do it and count it. Only `run`
//! sees all the others. This file only sends a command to its module.

mod check;
mod cli;
mod config;
mod dispatch;
mod flight;
mod histogram_file;
mod history;
mod keys;
mod ledger;
mod load;
mod open_loop;
mod pacer;
mod payload;
mod plan;
mod popularity;
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

use daemon_core::exit::{Exit, UserError, print, report};
use daemon_core::lab::Lab;
use daemon_core::{health, logging};

use cli::{Cli, Parsed, SubCommand};
use histogram_file::HistogramFile;
use recorder::Export;

/// Any error that ends a command.
type Failure = Box<dyn UserError>;

/// Why `--fail-on-corrupt` failed a run.
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
        Some("the log tells the first one, with what its connection did before".to_owned())
    }
}

/// Runs one command line, program name first, to its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    main_with(args, &())
}

/// As [`main`], with an exporter of one's own beside the Prometheus families.
pub fn main_with(args: impl IntoIterator<Item = OsString>, export: &impl Export) -> Exit {
    logging::init("info");
    command(args, export).unwrap_or_else(|failure| report(failure.as_ref()))
}

fn command(args: impl IntoIterator<Item = OsString>, export: &impl Export) -> Result<Exit, Failure> {
    let cli = match cli::parse(args).map_err(fail)? {
        Parsed::Text(text) => return say(&text),
        Parsed::Cli(cli) => *cli,
    };
    match &cli.command {
        None => {
            let plan = config::plan(&load_lab(&cli)?, &cli).map_err(fail)?;
            let histogram = cli.histogram.map(HistogramFile::create).transpose().map_err(fail)?;
            let ended = run::run(plan, export).inspect_err(|error| {
                if cli.json {
                    // The message on standard error follows in any case.
                    let _ = print(&summary::failure(error));
                }
            });
            let ended = ended.map_err(fail)?;
            let written = histogram.map_or(Ok(()), |file| file.write(&ended.histogram)).map_err(fail);
            let told = say(&ended.summary).and_then(|told| written.map(|()| told));
            if cli.fail_on_corrupt && ended.corrupt > 0 {
                // What cannot be written does not hide what was read.
                let _ = told.map_err(|error| report(&*error));
                return Err(fail(CorruptReads { count: ended.corrupt }));
            }
            told
        }
        Some(SubCommand::Check { paths }) => say(&check::check(paths, &cli).map_err(fail)?),
        Some(SubCommand::Health) => {
            let addr = match &cli.metrics_addr {
                Some(addr) => addr.clone(),
                None => config::metrics_addr(&load_lab(&cli)?).map_err(fail)?,
            };
            health::probe(&addr).map_err(fail)?;
            Ok(Exit::Ok)
        }
        Some(SubCommand::Completions { shell }) => say(&cli::completions(*shell)),
    }
}

fn fail<E: UserError + 'static>(error: E) -> Failure {
    Box::new(error)
}

fn load_lab(cli: &Cli) -> Result<Lab, Failure> {
    Lab::load(cli.config.as_deref()).map_err(fail)
}

fn say(text: &str) -> Result<Exit, Failure> {
    print(text).map(|()| Exit::Ok).map_err(fail)
}
