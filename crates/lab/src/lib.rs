//! The native lab as files and names: what the shell in `deploy/` asks for before it starts and stops anything.
//!
//! It reads the lab file and `/proc`, writes the lab's folder and prints. It talks to no part of the lab, starts none and
//! stops none. This file only sends a command to its module.

mod changes;
mod cli;
mod files;
mod home;
mod parts;
mod ports;
mod processes;
mod service;
mod settings;

use std::ffi::OsString;

use daemon_core::exit::{Exit, Failure, print};
use daemon_core::lab::Lab;

use cli::{Cli, Parsed, SubCommand};
use home::Home;

/// Runs one command line, program name first, to its exit code.
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
    let text = match &cli.command {
        SubCommand::Settings => settings::shell(&Home::open(&cli.home)?, &lab()?)?,
        SubCommand::Ports => {
            ports::check(&Home::open(&cli.home)?, &lab()?)?;
            String::new()
        }
        SubCommand::Write(write) => files::write(&Home::open(&cli.home)?, &lab()?, write)?,
        SubCommand::Changes => changes::text(&Home::open(&cli.home)?)?,
        SubCommand::Members => processes::members_text(&Home::open(&cli.home)?),
        SubCommand::Left => {
            processes::check_nothing_left(&Home::open(&cli.home)?)?;
            String::new()
        }
    };
    print(&text)?;
    Ok(Exit::Ok)
}
