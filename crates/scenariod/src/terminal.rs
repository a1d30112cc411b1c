//! What a person at the terminal sees and sends: lines, a live line, signals. Nothing is decided here.

pub(crate) mod interrupt;
pub(crate) mod narrator;
pub(crate) mod progress;
