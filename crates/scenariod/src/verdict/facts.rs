//! The facts about a finished run that its evaluation needs. Nothing is read or decided here.

use std::collections::BTreeSet;

use crate::scenario::expectation::Expectation;
use crate::scenario::{Phases, Windows};
use crate::verdict::clock_watch::ClockReading;
use crate::verdict::report::share::PartialFault;

/// How much of a run is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All phases completed: all expectations.
    Whole,
    /// The run ended early or lost its faults: only expectations of the whole run, which apply with or without a fault.
    SoFar,
}

/// What an evaluation has to know about a run.
#[derive(Debug)]
pub(crate) struct RunFacts<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) id: &'a str,
    pub(crate) expectations: &'a [Expectation],
    /// Nodes with a fault.
    pub(crate) targets: BTreeSet<String>,
    pub(crate) partial_faults: Vec<PartialFault>,
    /// All nodes of the lab.
    pub(crate) nodes: &'a [String],
    pub(crate) windows: Windows,
    pub(crate) scope: Scope,
    /// Phases as planned for this run.
    pub(crate) planned: Phases,
    /// Clock readings from the start to the end of the run.
    pub(crate) clocks: &'a [ClockReading],
}
