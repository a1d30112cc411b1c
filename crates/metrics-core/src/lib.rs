//! The lab's metrics: label words, metric families, text formats and the server that exposes them.
//!
//! Every metric name of the lab is declared under [`families`] and nowhere else. This crate knows neither faults nor
//! memcached's protocol: the daemons report what happened, it counts and exposes that.

mod cells;
mod compression;
pub mod exporter;
mod exposition;
pub mod families;
mod family;
mod fine_histogram;
pub mod labels;
mod limit;
mod locked;
pub mod reference;

pub use cells::{SingleWriterCounter, whole_nanos};
pub use family::{Family, Kind};
pub use fine_histogram::FineHistogram;
pub use locked::Locked;
pub use prometheus_client::registry::Registry;
