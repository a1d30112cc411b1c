//! The lab's metrics: label words, metric families, text formats and the server that exposes them.
//!
//! Every metric name of the lab is declared under [`families`] and nowhere else. Nothing here knows faults or memcached's
//! protocol: the daemons say what happened, this crate counts and shows it.

mod cells;
mod compression;
pub mod exporter;
mod exposition;
pub mod families;
mod family;
pub mod labels;
mod limit;
mod locked;
pub mod reference;
mod spread;

pub use family::{Family, Kind};
pub use locked::Locked;
pub use prometheus_client::registry::Registry;
pub use spread::Spread;
