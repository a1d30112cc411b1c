//! Exit codes and how an error is told to the user. Only a `main` turns an [`Exit`] into the end of the process.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// How a daemon ends. The numbers are a promise to scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// The verdict failed, or a wrong value was read where that was asked to fail.
    Failed,
    /// Bad usage or configuration.
    Usage,
    /// The data cannot tell.
    Inconclusive,
    /// Set-up was refused or failed; nothing was injected.
    Setup,
    /// A fault may still be on.
    Residue,
    /// SIGINT, and clean.
    Interrupted,
    /// SIGTERM, and clean.
    Terminated,
}

impl Exit {
    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::Setup => 4,
            Exit::Residue => 5,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// The worse of two runs: residue, then a signal, then set-up, failure, inconclusive, success.
    pub fn worst(self, other: Exit) -> Exit {
        let rank = |exit: Exit| match exit {
            Exit::Ok => 0,
            Exit::Inconclusive => 1,
            Exit::Failed => 2,
            Exit::Setup => 3,
            Exit::Usage => 4,
            Exit::Interrupted | Exit::Terminated => 5,
            Exit::Residue => 6,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// An error that ends the command, as the user sees it.
pub trait UserError: Error {
    /// The exit code it leads to.
    fn exit(&self) -> Exit;

    /// What the user can do about it, where that is not plain from the message.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any error that ends a command. `?` makes one of every [`UserError`].
#[derive(Debug)]
pub struct Failure(Box<dyn UserError>);

impl<E: UserError + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

impl Failure {
    /// Prints the error to standard error and gives the exit code it leads to.
    pub fn report(&self) -> Exit {
        report(self.0.as_ref())
    }
}

/// Prints `error: ...`, one line per cause, and `hint: ...` to standard error, and gives the exit code.
pub fn report(error: &dyn UserError) -> Exit {
    let mut text = String::new();
    for line in error.to_string().lines() {
        text.push_str(&format!("error: {line}\n"));
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("  caused by: {source}\n"));
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    // Nobody is left to tell when standard error is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
    error.exit()
}

/// Standard output takes nothing, as where its disk is full. Neither a verdict nor bad usage: what was to be seen is not there.
/// A command that did more than print ends with a code of its own.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError {
    #[from]
    source: io::Error,
}

impl UserError for OutputError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }
}

/// Writes to standard output; a reader that went away early is no error.
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_run_wins() {
        use Exit::{Failed, Inconclusive, Interrupted, Ok, Residue, Setup};
        let order = [Ok, Inconclusive, Failed, Setup, Interrupted, Residue];
        for (index, better) in order.iter().enumerate() {
            for worse in &order[index..] {
                assert_eq!(better.worst(*worse), *worse);
                assert_eq!(worse.worst(*better), *worse);
            }
        }
    }
}
