//! What every daemon of the lab does the same way: reading the lab file with line numbers, exit codes and the wording of
//! errors, signals, logging. Nothing here knows load, faults or metrics.

pub mod completion;
pub mod descriptors;
pub mod exit;
pub mod health;
pub mod lab;
pub mod logging;
pub mod name;
pub mod problems;
pub mod runtime;
pub mod secrets;
pub mod signals;
pub mod suggest;
pub mod text;
pub mod usage;
pub mod values;
pub mod yaml;
