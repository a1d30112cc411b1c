//! The native lab as files, names and processes. The shell in `deploy/` calls it before it starts anything, and to stop.
//!
//! It reads the lab file and `/proc`, writes the lab's folder and sends signals to the lab's processes. It connects to no part
//! of the lab. This file only sends a command to its module.

mod changes;
mod cli;
mod files;
mod home;
mod machine;
mod parts;
mod ports;
mod processes;
mod prometheus_files;
mod service;
mod settings;
mod stop;

use std::ffi::OsString;

use daemon_core::exit::{Exit, Failure, print};
use daemon_core::lab::Lab;

use cli::{Cli, Parsed, SubCommand};
use home::Home;

/// Runs one command line, program name first, and returns its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    command(args).unwrap_or_else(|failure| failure.report())
}

fn command(args: impl IntoIterator<Item = OsString>) -> Result<Exit, Failure> {
    let cli: Cli = match cli::parse(args)? {
        Parsed::Text(text) => {
            print(&text)?;
            return Ok(Exit::Ok);
        }
        Parsed::Cli(cli) => cli,
    };
    let lab = || Lab::load(cli.config.as_deref());
    let home = Home::open(&cli.home)?;
    let text = match &cli.command {
        SubCommand::Settings => settings::shell(&home, &lab()?)?,
        SubCommand::Ports => {
            ports::check_free(&home, &lab()?)?;
            String::new()
        }
        SubCommand::Write(options) => files::write(&home, &lab()?, options)?,
        SubCommand::Changes => changes::text(&home)?,
        SubCommand::Supervisor => processes::supervisor_text(&home),
        SubCommand::Stop => {
            // A lab file that is invalid by now must not keep its lab from being stopped.
            stop::stop(&home, lab().ok().as_ref())?;
            String::new()
        }
    };
    print(&text)?;
    Ok(Exit::Ok)
}
