//! A command line of loadgen and the exact result that it must have.

use testkit::CommandLine;

use crate::LOADGEN;

/// A command line in a folder of its own. It must succeed with empty standard error, unless the test gives another result.
pub(crate) fn command_line(args: &[&str]) -> CommandLine {
    CommandLine::new(LOADGEN, args).variable("RUST_LOG", "off").stderr("")
}
