//! loadgen as its users meet it: the binary, on real memcached and Toxiproxy. Single decisions are tested beside the code.

mod command;
mod ends;
mod faults;
mod figures;
mod usage;

/// The binary under test.
const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");
