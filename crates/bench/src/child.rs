//! A program under measurement: started on given CPUs, its errors kept, ended with its owner.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Command, Stdio};
use std::{env, io};

use crate::error::BenchError;

const SHOWN: usize = 2000; // bytes of an ended program's output

pub(crate) struct Child {
    program: String,
    process: std::process::Child,
    output: File,
}

impl Child {
    /// Runs `program`, named `name` in messages, on `cpus` only and without the lab's own variables.
    pub(crate) fn start<A: AsRef<OsStr>>(
        name: &str,
        program: &OsStr,
        args: impl IntoIterator<Item = A>,
        cpus: &[usize],
    ) -> Result<Self, BenchError> {
        let failed = |source: io::Error| BenchError::Run { program: name.to_owned(), source };
        let output = tempfile::tempfile().map_err(failed)?;
        let stream = || output.try_clone().map(Stdio::from).map_err(failed);
        let numbers: Vec<String> = cpus.iter().map(usize::to_string).collect();
        let mut command = Command::new(env::current_exe().map_err(failed)?);
        command.args(["pinned", "--cpus", &numbers.join(","), "--"]).arg(program).args(args);
        command.stdin(Stdio::null()).stdout(stream()?).stderr(stream()?);
        for (key, _) in env::vars_os().filter(|(key, _)| is_the_labs(key)) {
            command.env_remove(key);
        }
        let process = command.spawn().map_err(failed)?;
        Ok(Self { program: name.to_owned(), process, output })
    }

    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// An error with the program's last words, if it has ended.
    pub(crate) fn must_run(&mut self) -> Result<(), BenchError> {
        let status = self
            .process
            .try_wait()
            .map_err(|source| BenchError::Run { program: self.program.clone(), source })?;
        match status {
            None => Ok(()),
            Some(status) => {
                Err(BenchError::Ended { program: self.program.clone(), status, output: self.last_words() })
            }
        }
    }

    /// Everything it said so far, on either stream.
    pub(crate) fn output(&mut self) -> String {
        self.tail(usize::MAX)
    }

    fn last_words(&mut self) -> String {
        self.tail(SHOWN)
    }

    /// The last so many bytes of its output.
    fn tail(&mut self, shown: usize) -> String {
        let mut bytes = Vec::new();
        if self.output.rewind().and_then(|()| self.output.read_to_end(&mut bytes)).is_err() {
            return "its output could not be read".to_owned();
        }
        let tail = &bytes[bytes.len().saturating_sub(shown)..];
        String::from_utf8_lossy(tail).trim_end().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill(); // fails only when it has ended
        let _ = self.process.wait();
    }
}

fn is_the_labs(key: &OsString) -> bool {
    key.to_string_lossy().starts_with("LAB_")
}
