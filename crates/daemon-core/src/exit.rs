//! Exit codes, and how an error is printed. Only a `main` turns an [`Exit`] into the end of the process.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::text;

/// How a daemon ends. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success.
    Ok,
    /// The verdict failed, or a wrong value was read and the user asked for that to fail.
    Failed,
    /// Bad usage or configuration.
    Usage,
    /// There is too little data for a verdict.
    Inconclusive,
    /// Set-up was refused or failed; no fault was injected.
    Setup,
    /// A fault may still be active.
    Residue,
    /// Ended by SIGINT, with no fault left on.
    Interrupted,
    /// Ended by SIGTERM, with no fault left on.
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

    /// The worse of two ends. From worst to best: residue, signal, usage, set-up, failed, inconclusive, ok.
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

/// An error that ends a command.
pub trait UserError: Error {
    /// The exit code.
    fn exit(&self) -> Exit;

    /// What the user can do, unless the message makes it obvious.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any error that ends a command. `?` turns every [`UserError`] into one.
#[derive(Debug)]
pub struct Failure(Box<dyn UserError>);

impl<E: UserError + 'static> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(Box::new(error))
    }
}

impl Failure {
    /// Prints the error to standard error and returns its exit code.
    pub fn report(&self) -> Exit {
        report(self.0.as_ref())
    }
}

/// Prints `error: ...`, one line per cause, and `hint: ...` to standard error, and returns the exit code.
pub fn report(error: &dyn UserError) -> Exit {
    let mut lines = String::new();
    for line in error.to_string().lines() {
        lines.push_str(&format!("error: {line}\n"));
    }
    let mut cause = error.source();
    while let Some(source) = cause {
        lines.push_str(&format!("  caused by: {source}\n"));
        cause = source.source();
    }
    if let Some(hint) = error.hint() {
        lines.push_str(&format!("hint: {hint}\n"));
    }
    // When standard error is closed there is no place left for this.
    let _ = io::stderr().lock().write_all(text::escape_lines(&lines).as_bytes());
    error.exit()
}

/// Standard output cannot be written to, for example because its disk is full. A command that did more than print ends
/// with a code of its own.
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

/// Writes to standard output. The text may quote others, so its dangerous characters are escaped. A closed pipe is not an
/// error.
pub fn print(text: &str) -> Result<(), OutputError> {
    let mut out = io::stdout().lock();
    match out.write_all(text::escape_lines(text).as_bytes()).and_then(|()| out.flush()) {
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
