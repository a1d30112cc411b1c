//! Dashboards, rules and alerts, held against what they stand on: house rules, Grafana's types, promtool, the declared
//! names, and a live Prometheus that scraped real runs.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

mod cost;
mod files;
mod live;
mod meaning;
mod names;
mod promtool;
mod regions;
mod types;

/// Every dashboard of the lab.
const DASHBOARDS: [&str; 2] =
    ["grafana/dashboards/client-performance.json", "grafana/dashboards/scenario-analysis.json"];

/// Unix time in seconds.
fn now() -> f64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
