//! What commands share: loading the lab file, the catalogue and the state folder, and printing. Nothing of one command only.

use daemon_core::exit::{Exit, Failure, print, report};
use daemon_core::lab::Lab;

use crate::catalogue::library::Library;
use crate::cli::args::{CatalogueArgs, LabArgs, StateArgs};
use crate::state::StateDir;

pub(crate) fn load_library(args: &CatalogueArgs) -> Result<Library, Failure> {
    Ok(Library::load(args.catalogue.as_deref())?)
}

pub(crate) fn load_lab(args: &LabArgs) -> Result<Lab, Failure> {
    Ok(Lab::load(args.config.as_deref())?)
}

pub(crate) fn load_state(args: &StateArgs) -> Result<StateDir, Failure> {
    Ok(StateDir::locate(args.state_dir.as_deref())?)
}

/// Prints to standard output; reports where that fails, as on a full disk.
pub(crate) fn print_output(text: &str) -> Exit {
    match print(text) {
        Ok(()) => Exit::Ok,
        Err(error) => report(&error),
    }
}
