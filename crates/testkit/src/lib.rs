//! Dev only: starts real memcached, Toxiproxy and Prometheus, and the lab's own daemons, on free loopback ports, and kills
//! them on drop. Tests and `bench` use it. It must not use the crates under test: a test reads results without the code that it checks.
//!
//! All calls block. A `#[tokio::test]` that runs a daemon inside the test process needs
//! `flavor = "multi_thread"` or [`eventually_async`].
//!
//! ```no_run
//! let lab = testkit::Lab::start(3);
//! let loadgen = lab.loadgen("target/debug/loadgen", ["--concurrency", "4"]);
//! loadgen.scrape_until("successful operations", testkit::secs(10), |scrape| {
//!     scrape.sum("memcache_operations_total", [("status", "success")]) > 100.0
//! });
//! lab.toxiproxy.add_toxic("memcached1", r#"{"type": "latency", "attributes": {"latency": 50}}"#);
//! ```

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails by panicking"
)]

mod busy;
mod command_line;
mod daemon;
mod environment;
mod fake_toxiproxy;
pub mod http;
mod lab;
mod memcached;
mod ports;
mod process;
mod programs;
mod prometheus;
mod scrape;
mod soak;
mod toxiproxy;
mod wait;

pub use busy::{BusyMachine, Neighbour};
pub use command_line::CommandLine;
pub use daemon::Daemon;
pub use environment::command;
pub use fake_toxiproxy::{FakeToxiproxy, Misbehaviour, Rule, Trap};
pub use lab::Lab;
pub use memcached::{Memcached, MemcachedConnection, MemcachedOptions};
pub use ports::free_addr;
pub use process::{Process, StartError};
pub use programs::{find_program, find_workspace_bin, program, workspace, workspace_bin};
pub use prometheus::{Prometheus, QueryError, Series};
pub use rustix::process::Signal;
pub use scrape::{Sample, Scrape};
pub use soak::{report, scale, skipped};
pub use toxiproxy::Toxiproxy;
pub use wait::{eventually, eventually_async, holds_within, secs, sleep};
