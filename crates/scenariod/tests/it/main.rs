//! scenariod as a user runs it: the binary, its exact words, and real parts below it.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

mod busy;
mod clocks;
mod early;
mod evidence;
mod faults;
mod files;
mod fuzz;
mod guard;
mod guides;
mod harness;
mod leftovers;
mod lost;
mod nodes;
mod obstacles;
mod phases;
mod prometheus;
mod removals;
mod shipped;
mod signals;
mod strangers;
mod terminal;
mod timing;
mod tls;
mod usage;
mod verdict;
mod worlds;
