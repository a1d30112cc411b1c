//! How closely `fault: packet_loss` matches packets that the kernel loses: the same load through the same proxy, with both.
//! Dev only. `deploy/calibrate.sh` makes the network namespaces and runs this program inside one of them.
//!
//! `compare` and `distribution` are pure, `report` only formats; `kernel` and `model` make the losses, `load` the load.

mod compare;
mod distribution;
mod error;
mod kernel;
mod load;
mod model;
mod options;
mod report;
mod run;

use std::ffi::OsString;

use clap::Parser;
use daemon_core::exit::{Exit, report};

/// Runs the command line and gives the exit code of the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    match options::Options::try_parse_from(args) {
        Ok(options) => run::run(&options).unwrap_or_else(|error| report(&error)),
        Err(error) => {
            let _ = error.print(); // there is no other place to report a closed stream
            if error.use_stderr() { Exit::Usage } else { Exit::Ok }
        }
    }
}
