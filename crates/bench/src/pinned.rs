//! Binding a program to CPUs. A subcommand of this program sets the affinity and then executes the program, so that all of its
//! threads inherit it.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use clap::Args;

use crate::error::BenchError;
use crate::host;

/// A program and the CPUs that it may run on.
#[derive(Args, Debug)]
pub(crate) struct PinnedCommand {
    /// CPU numbers, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) cpus: Vec<usize>,
    /// Program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

/// What to put before a program's path to run it on these CPUs: this program and its subcommand.
pub(crate) fn wrapper(cpus: &[usize]) -> Result<[OsString; 5], BenchError> {
    let own = std::env::current_exe()
        .map_err(|source| BenchError::Run { program: "lab-bench".to_owned(), source })?;
    let numbers: Vec<String> = cpus.iter().map(usize::to_string).collect();
    Ok([own.into(), "pinned".into(), "--cpus".into(), numbers.join(",").into(), "--".into()])
}

/// Becomes the program. Returns only an error.
pub(crate) fn exec(pinned: &PinnedCommand) -> Result<(), BenchError> {
    let [program, args @ ..] = pinned.command.as_slice() else {
        return Ok(()); // the command line requires one
    };
    let failed =
        |source: io::Error| BenchError::Run { program: program.to_string_lossy().into_owned(), source };
    host::run_on(&pinned.cpus).map_err(failed)?;
    Err(failed(Command::new(program).args(args).exec()))
}
