//! scenariod as a user runs it: the binary, its exact words, and real parts below it.

mod harness;
mod obstacles;
mod phases;
mod prometheus;
mod signals;
mod usage;
