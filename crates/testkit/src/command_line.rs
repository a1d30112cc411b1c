//! One command line that ends by itself, and the exact result that it must have. Long-running daemons are in `daemon`.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::environment::command;

/// A command line that runs in an empty folder of its own and without the variables that [`command`] clears. It must
/// succeed unless [`CommandLine::code`] says otherwise; output is compared only where it is given.
#[must_use = "call `run`"]
pub struct CommandLine {
    command: Command,
    folder: TempDir,
    code: i32,
    stdout: Option<String>,
    stderr: Option<String>,
}

impl CommandLine {
    /// A program with its arguments. Pass `env!("CARGO_BIN_EXE_<name>")` as the program.
    pub fn new<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = A>) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut command = command(program);
        command.args(args).current_dir(folder.path());
        Self { command, folder, code: 0, stdout: None, stderr: None }
    }

    /// The folder in which the command runs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder in which the command runs.
    pub fn file(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder above")).expect("folder of the file");
        std::fs::write(path, text).expect("file");
        self
    }

    /// Sets an environment variable of the command.
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// The expected exit code.
    pub fn code(self, code: i32) -> Self {
        Self { code, ..self }
    }

    /// The exact standard output. Its final line break may be left out here; the command must print it.
    pub fn stdout(self, text: impl AsRef<str>) -> Self {
        Self { stdout: Some(with_final_line_break(text.as_ref())), ..self }
    }

    /// The exact standard error, as for [`CommandLine::stdout`].
    pub fn stderr(self, text: impl AsRef<str>) -> Self {
        Self { stderr: Some(with_final_line_break(text.as_ref())), ..self }
    }

    /// Runs the command and compares its result.
    ///
    /// # Panics
    /// When the exit code or an output is not the expected one.
    #[track_caller]
    pub fn run(mut self) {
        let output = self.command.output().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| {
            String::from_utf8(bytes).unwrap_or_else(|error| panic!("{:?}: {error}", self.command))
        });
        if let Some(expected) = &self.stderr {
            assert_eq!(&stderr, expected, "standard error of {:?}", self.command);
        }
        if let Some(expected) = &self.stdout {
            assert_eq!(&stdout, expected, "standard output of {:?}", self.command);
        }
        assert_eq!(
            output.status.code(),
            Some(self.code),
            "exit code of {:?}\n{stdout}{stderr}",
            self.command
        );
    }
}

fn with_final_line_break(text: &str) -> String {
    match text.strip_suffix('\n').unwrap_or(text) {
        "" => String::new(),
        lines => format!("{lines}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> CommandLine {
        CommandLine::new("/bin/sh", ["-c", script])
    }

    #[test]
    fn the_expected_result_passes() {
        shell("cat a/b; echo $WORD >&2; exit 3")
            .file("a/b", "text\n")
            .variable("WORD", "word")
            .code(3)
            .stdout("text")
            .stderr("word\n")
            .run();
        shell("").stdout("").stderr("").run();
    }

    #[test]
    #[should_panic(expected = "exit code of")]
    fn another_exit_code_fails() {
        shell("exit 1").run();
    }

    #[test]
    #[should_panic(expected = "standard error of")]
    fn another_standard_error_fails() {
        shell("echo text >&2").stderr("").run();
    }

    #[test]
    #[should_panic(expected = "standard output of")]
    fn a_missing_final_line_break_fails() {
        shell("printf text").stdout("text").run();
    }

    #[test]
    #[should_panic(expected = "standard output of")]
    fn a_second_final_line_break_fails() {
        shell("printf 'text\n\n'").stdout("text").run();
    }
}
