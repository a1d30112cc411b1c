//! How the runs of a command ended, folded together: counts, errors, reports and the worst exit code.

use daemon_core::exit::Exit;

use crate::plan::schedule::Tally;
use crate::run::rig::RunError;
use crate::verdict::{Reports, RunEnd};

/// The ends of all runs so far.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) tally: Tally,
    pub(crate) errors: Vec<RunError>,
    pub(crate) reports: Reports,
    exit: Option<Exit>,
}

impl Results {
    /// The worst of all runs; 0 where nothing ran.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.unwrap_or(Exit::Ok)
    }

    pub(super) fn add(&mut self, end: RunEnd, errors: Vec<RunError>) {
        self.worsen(end.conclusion.exit);
        self.tally.count(&end.report.scenario, end.conclusion.status);
        self.errors.extend(errors);
        self.reports.add(end.report);
    }

    pub(super) fn worsen(&mut self, exit: Exit) {
        self.exit = Some(self.exit().worst(exit));
    }
}
