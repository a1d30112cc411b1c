//! What an operation of loadgen costs, beside the epoll floor, a bare loop over the same client crate, and memaslap. Dev
//! only: no part of the lab depends on it, except that `fidelity` uses its statistics and its description of the machine.
//!
//! Every program under measurement is a process of its own. Processor time is the kernel's account of that process, and
//! memcached counts the operations: no program reports about itself.
//! `rounds` and `goals` are pure, `report` only formats, the other files start programs and read `/proc`.

mod bare;
mod cli;
mod client;
mod cpu;
mod error;
mod floor;
mod goals;
pub mod host;
mod memory;
mod node;
mod pace;
mod pinned;
mod programs;
mod report;
pub mod rounds;
mod run;
mod scrape;
mod start;
mod subject;
mod wire;

use std::ffi::OsString;

use clap::Parser;
use daemon_core::exit::{Exit, report};

use crate::cli::{Cli, Command};

/// Runs the command line and gives the exit code of the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // there is no other place to report a closed stream
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let result = match cli.command {
        Command::Run(options) => run::run(&options),
        Command::Floor(load) => floor::run(&load).map(|()| Exit::Ok),
        Command::Bare(load) => bare::run(&load).map(|()| Exit::Ok),
        Command::Pinned(command) => pinned::exec(&command).map(|()| Exit::Ok),
    };
    result.unwrap_or_else(|error| report(&error))
}
