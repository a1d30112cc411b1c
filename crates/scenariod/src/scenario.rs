//! A checked scenario, as the rest of the daemon uses it. Only `catalogue` makes one.

use std::num::NonZeroUsize;

use daemon_core::values::Fraction;

use crate::fault::{Direction, Fault};
use crate::promql::Query;
use crate::scenario::timeline::Shape;

pub(crate) mod expectation;
pub(crate) mod phase_times;
mod phases;
pub(crate) mod target;
pub(crate) mod timeline;
mod window;

use expectation::{Expectation, StopRule};
pub(crate) use phases::{During, Phases};
pub(crate) use window::{UNDER_WAY, Window, Windows};

/// One scenario of the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// Other names for it, such as former ones.
    pub(crate) aliases: Vec<String>,
    pub(crate) family: String,
    /// What it shows about a client, in one line.
    pub(crate) about: String,
    pub(crate) phases: Phases,
    pub(crate) faults: Vec<FaultEntry>,
    pub(crate) expect: Vec<Expectation>,
    /// The rules that end testing early.
    pub(crate) stop_when: Vec<StopRule>,
    /// Where its name is written.
    pub(crate) source: SourceLine,
}

impl Scenario {
    /// The number of nodes that a lab must have for it.
    pub(crate) fn nodes_needed(&self) -> usize {
        let targets = self.faults.iter().map(|entry| entry.target.nodes_needed());
        let expected = self.expect.iter().map(|expectation| &expectation.query);
        let queries = expected.chain(self.stop_when.iter().map(|rule| &rule.query));
        targets.chain(queries.map(Query::nodes_needed)).max().unwrap_or_default()
    }

    /// Its name and its aliases.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.aliases.iter().map(String::as_str))
    }

    pub(crate) fn is_called(&self, word: &str) -> bool {
        self.words().any(|name| name == word)
    }
}

/// A fault and its target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaultEntry {
    pub(crate) target: Target,
    pub(crate) fault: Fault,
    pub(crate) shape: Shape,
    pub(crate) direction: Direction,
    pub(crate) share: Fraction,
    /// Where its target is written.
    pub(crate) source: SourceLine,
}

/// The nodes that get a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    All,
    /// At least one, each once.
    Named(Vec<String>),
    /// This number of nodes from the start of the lab file.
    First(NonZeroUsize),
    /// The node at this position of the lab file, counted from 1.
    Nth(NonZeroUsize),
    /// This number of nodes, chosen by the seed of the run.
    Count(NonZeroUsize),
}

/// A line of a file of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SourceLine {
    pub(crate) file: String,
    pub(crate) line: usize,
}
