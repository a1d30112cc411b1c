//! Becoming another program on given CPUs, tied to the life of the parent. Done in the child itself, between its
//! start and its exec, so that every thread of the program inherits it and no unsafe hook is needed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::cli::Pinned;
use crate::error::BenchError;

/// Returns only when it failed.
pub(crate) fn exec(pinned: &Pinned) -> Result<(), BenchError> {
    let [program, args @ ..] = pinned.command.as_slice() else {
        return Ok(()); // the command line demands one
    };
    let failed =
        |source: io::Error| BenchError::Run { program: program.to_string_lossy().into_owned(), source };
    let mut cpus = CpuSet::new();
    for cpu in pinned.cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        cpus.set(*cpu);
    }
    sched_setaffinity(None, &cpus).map_err(|error| failed(error.into()))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed(error.into()))?;
    Err(failed(Command::new(program).args(args).exec()))
}
