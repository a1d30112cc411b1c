//! The native lab as files, services and processes. The shell in `deploy/` fetches and builds, then calls it.
//!
//! It reads the lab file and `/proc`, writes the lab's folder, runs runit's programs, and sends signals to the lab's processes. It
//! speaks no protocol of the parts. This file only sends a command to its module.

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
mod services;
mod settings;
mod start;
mod status;
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
        SubCommand::Start { programs, parts } => {
            start::start(&home, programs, parts)?;
            String::new()
        }
        SubCommand::Status { root } => {
            return status::print_status(&home, &lab()?, &root.join(service::ANSWERS));
        }
        SubCommand::Logs { follow, parts } => return status::show_logs(&home, parts, *follow),
        SubCommand::Stop => {
            // A lab file that is invalid by now must not keep its lab from being stopped.
            stop::stop(&home, lab().ok().as_ref())?;
            String::new()
        }
    };
    print(&text)?;
    Ok(Exit::Ok)
}
