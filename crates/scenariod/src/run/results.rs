//! The results of all runs of a command: counts, errors, reports and the worst exit code.

use daemon_core::exit::Exit;

use crate::plan::schedule::Tally;
use crate::run::error::RunError;
use crate::verdict::{Reports, RunEnd};

/// The results of all runs so far.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) tally: Tally,
    pub(crate) errors: Vec<RunError>,
    pub(crate) reports: Reports,
    exit: Option<Exit>,
}

impl Results {
    /// The worst exit code of all runs, 0 without any run.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.unwrap_or(Exit::Ok)
    }

    pub(super) fn add_run(&mut self, end: RunEnd, errors: Vec<RunError>) {
        self.raise_exit(end.conclusion.exit);
        self.tally.count(&end.report.scenario, end.conclusion.status);
        self.errors.extend(errors);
        self.reports.add(end.report);
    }

    /// A run that is repeated. It is kept in the report, and the run that repeats it has the verdict.
    pub(super) fn add_attempt(&mut self, end: RunEnd, errors: Vec<RunError>) {
        self.errors.extend(errors);
        self.reports.keep(end.report);
    }

    pub(super) fn raise_exit(&mut self, exit: Exit) {
        self.exit = Some(self.exit().worst(exit));
    }
}
