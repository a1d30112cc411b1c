//! The native lab with its real parts: up, status, logs and down, as `just` calls them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod compose;
mod folders;
mod harness;
mod identity;
mod interrupted;
mod pairs;
mod walk;
