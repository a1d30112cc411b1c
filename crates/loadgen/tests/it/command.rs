//! A builder for one command line and exactly what it has to say.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::LOADGEN;

/// One invocation in a folder of its own.
#[must_use = "nothing runs before `succeeds` or `fails`"]
pub(crate) struct Invocation {
    folder: tempfile::TempDir,
    args: Vec<String>,
    variables: Vec<(String, String)>,
    stdout: Option<String>,
    stderr: String,
}

impl Invocation {
    pub(crate) fn new(args: &[&str]) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            variables: Vec::new(),
            stdout: None,
            stderr: String::new(),
        }
    }

    /// Writes `config/lab.yaml`, where it is found without a flag.
    pub(crate) fn lab(self, text: &str) -> Self {
        self.file("config/lab.yaml", text)
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn stdout(mut self, text: &str) -> Self {
        self.stdout = Some(text.to_owned());
        self
    }

    pub(crate) fn stderr(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn succeeds(self) {
        self.ends_with(0);
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) {
        let mut command = Command::new(LOADGEN);
        command.args(&self.args).current_dir(self.folder.path()).env("RUST_LOG", "off");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LAB_")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().cloned());
        let output = command.output().unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        assert_eq!(stderr.unwrap(), self.stderr, "standard error of {:?}", self.args);
        if let Some(expected) = self.stdout {
            assert_eq!(stdout.unwrap(), expected, "standard output of {:?}", self.args);
        }
        assert_eq!(output.status.code(), Some(code), "exit code of {:?}", self.args);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
