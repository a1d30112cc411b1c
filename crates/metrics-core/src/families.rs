//! Every metric family of the lab: this folder is the only place where a metric name is written.
//! The daemons decide what is counted, `exporter` exposes it.

pub mod build;
pub mod client;
pub mod host;
pub mod http;
pub mod limit;
pub mod machine;
pub mod node;
pub mod process;
pub mod runtime;
pub mod scenario;
pub mod toxiproxy;
pub mod verdict;

use crate::family::Family;

/// Every declared family, grouped by the module that declares it.
pub fn declared() -> impl Iterator<Item = &'static Family> {
    declared_by().into_iter().flat_map(|(_, families)| families).copied()
}

/// The declared families in groups, each with its title.
pub(crate) fn declared_by() -> Vec<(&'static str, &'static [&'static Family])> {
    vec![
        ("The client (loadgen)", client::FAMILIES),
        ("The load (loadgen)", client::LOADGEN_FAMILIES),
        ("The nodes, read past the proxies (loadgen)", node::FAMILIES),
        ("Scenarios (scenariod)", scenario::FAMILIES),
        ("Faults and Toxiproxy (scenariod)", toxiproxy::FAMILIES),
        ("The verdict (scenariod)", verdict::FAMILIES),
        ("The metrics server (every daemon)", http::FAMILIES),
        ("The process (every daemon)", process::FAMILIES),
        ("The host (loadgen)", host::FAMILIES),
        ("Tokio (every daemon)", runtime::FAMILIES),
        ("The scrape itself (every daemon)", limit::FAMILIES),
        ("The build (every daemon)", build::FAMILIES),
    ]
}

/// Every name that a series can have.
pub fn series_names() -> impl Iterator<Item = String> {
    declared().flat_map(Family::series_names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Kind;

    #[test]
    fn names_follow_the_conventions() {
        let mut names = Vec::new();
        for family in declared() {
            let name = family.name;
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            assert_eq!(name.ends_with("_total"), family.kind == Kind::Counter, "{name}");
            assert!(!family.help.is_empty() && !family.help.ends_with('.'), "{name}: {:?}", family.help);
            assert!(!family.labels.contains(&"job") && !family.labels.contains(&"instance"), "{name}");
            names.push(name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a family is declared twice");
    }
}
