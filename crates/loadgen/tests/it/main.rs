//! Tests of the loadgen binary with real memcached and Toxiproxy. Unit tests are beside the code.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and so do its helpers"
)]

mod command;
mod ends;
mod endurance;
mod failover;
mod faults;
mod figures;
mod healing;
mod lies;
mod limits;
mod machine;
mod open;
mod setup;
mod storm;
mod usage;
mod wrong;

/// The binary under test.
const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");
