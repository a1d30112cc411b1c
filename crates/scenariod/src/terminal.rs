//! The terminal: lines, the progress line and signals. Nothing about a run is decided here.

pub(crate) mod interrupt;
pub(crate) mod narrator;
pub(crate) mod progress;
