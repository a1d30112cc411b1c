//! The load generator: steady memcached load through a real client stack, and what it lived through as metrics.
//!
//! It knows nothing of faults. Data flows one way: `cli` + `config` -> [`plan`] -> pure decisions (`workload`, `keys`,
//! `value`, `pacer`, `stack::{route, breaker}`) -> `worker` -> metrics. Only `run` sees all the others.

mod keys;
mod pacer;
mod stack;
mod value;
mod worker;
mod workload;
