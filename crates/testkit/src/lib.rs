//! Dev-only: real memcached, Toxiproxy and Prometheus, and our own daemons, started for a test on free loopback ports
//! and gone when the test is, however it ends. Nothing here may be used outside tests, and nothing here may use
//! the code under test: what a test reads back, it reads without the help of the crate it judges.
//!
//! All calls block. In a `#[tokio::test]` that runs a daemon inside the test process, say
//! `flavor = "multi_thread"`, or wait with [`eventually_async`].
//!
//! ```no_run
//! let lab = testkit::Lab::start(3);
//! let loadgen = lab.loadgen("target/debug/loadgen", ["--concurrency", "4"]);
//! loadgen.scrape_until("operations succeed", testkit::secs(10), |scrape| {
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

mod daemon;
mod fake;
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

pub use daemon::Daemon;
pub use fake::{Fake, Misbehaviour, Rule, Trap};
pub use lab::Lab;
pub use memcached::Memcached;
pub use ports::free_addr;
pub use programs::{program, workspace, workspace_bin};
pub use prometheus::{Prometheus, QueryError, Series};
pub use rustix::process::Signal;
pub use scrape::{Sample, Scrape};
pub use soak::{report, scale, skipped};
pub use toxiproxy::Toxiproxy;
pub use wait::{eventually, eventually_async, secs};
