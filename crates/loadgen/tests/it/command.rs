//! A command line of loadgen and the exact result that it must have.

use testkit::CommandLine;

use crate::LOADGEN;

/// One command line in a folder of its own. Standard error must be empty unless it is given.
#[must_use = "nothing runs before `succeeds` or `ends_with`"]
pub(crate) struct Invocation(CommandLine);

impl Invocation {
    pub(crate) fn new(args: &[&str]) -> Self {
        Self(CommandLine::new(LOADGEN, args).variable("RUST_LOG", "off").stderr(""))
    }

    /// Writes `config/lab.yaml`, which loadgen finds without a flag.
    pub(crate) fn lab(self, text: &str) -> Self {
        self.file("config/lab.yaml", text)
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        Self(self.0.file(name, text))
    }

    pub(crate) fn variable(self, name: &str, value: &str) -> Self {
        Self(self.0.variable(name, value))
    }

    pub(crate) fn stdout(self, text: &str) -> Self {
        Self(self.0.stdout(text))
    }

    pub(crate) fn stderr(self, text: &str) -> Self {
        Self(self.0.stderr(text))
    }

    #[track_caller]
    pub(crate) fn succeeds(self) {
        self.0.run();
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) {
        self.0.code(code).run();
    }
}
