//! Dashboards, rules and alerts, checked against the house rules, Grafana's types, promtool, the declared metrics, and a
//! running Prometheus that scraped real runs.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

mod cost;
mod files;
mod live;
mod names;
mod page;
mod promtool;
mod regions;
mod semantics;
mod types;

/// All dashboards of the lab.
const DASHBOARDS: [&str; 2] =
    ["grafana/dashboards/client-performance.json", "grafana/dashboards/scenario-analysis.json"];

/// Unix time in seconds.
fn now() -> f64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
