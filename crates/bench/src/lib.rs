//! What the lab's own figures rest on. What an operation costs: `loadgen` beside the epoll floor, a bare loop over the same client crate, and memaslap,
//! measured side by side; and how true the packet-loss model is to a kernel that loses packets (`fidelity`). Development only: nothing of the lab depends on it.
//!
//! Every program under measurement is a process of its own. The processor time is the kernel's account of that
//! process, the operations are counted by memcached: no program is asked about itself.
//! `rounds` and `goals` are pure; `report` only formats; the rest starts programs and reads `/proc`.

mod bare;
mod child;
mod cli;
mod cpu;
mod error;
mod fidelity;
mod floor;
mod goals;
mod host;
mod memory;
mod node;
mod pace;
mod pinned;
mod programs;
mod report;
mod rounds;
mod run;
mod scrape;
mod start;
mod subject;
mod wait;
mod wire;

use std::ffi::OsString;

use clap::Parser;
use daemon_core::exit::{Exit, report};

use crate::cli::{Cli, Command};

/// Runs the command line and gives the code the process is to end with.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(); // nobody is left to tell when the stream is gone
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    let result = match cli.command {
        Command::Run(options) => run::run(&options),
        Command::Fidelity(options) => fidelity::run(&options),
        Command::Floor(load) => floor::run(&load).map(|()| Exit::Ok),
        Command::Bare(load) => bare::run(&load).map(|()| Exit::Ok),
        Command::Pinned(command) => pinned::exec(&command).map(|()| Exit::Ok),
    };
    result.unwrap_or_else(|error| report(&error))
}
