//! Checks the targets of a scenario against the nodes of a lab. Pure.

use std::collections::BTreeSet;

use daemon_core::problems::{Problem, Problems};
use daemon_core::suggest::did_you_mean;
use metrics_core::labels::FaultType;

use crate::scenario::{FaultEntry, Scenario, Target};

/// Every problem of the scenario with the nodes of this lab.
pub(crate) fn check_targets(scenario: &Scenario, servers: &[String]) -> Problems {
    let mut problems = Problems::default();
    let mut taken: BTreeSet<(&str, FaultType)> = BTreeSet::new();
    for entry in &scenario.faults {
        let mut report = |message: String| {
            let message = format!("scenario `{}`: {message}", scenario.name);
            problems.0.push(Problem { file: entry.source.file.clone(), line: entry.source.line, message });
        };
        for node in nodes(entry, servers, &mut report) {
            // Series have a label for the node and one for the fault: two faults of a kind on one node would share a series.
            if !taken.insert((node, entry.fault.label())) {
                report(format!("{node} has the fault {} twice", entry.fault.label()));
            }
        }
    }
    problems
}

/// The nodes that get the fault of an entry, whatever the seed.
fn nodes<'a>(entry: &'a FaultEntry, servers: &'a [String], report: &mut impl FnMut(String)) -> Vec<&'a str> {
    match &entry.target {
        Target::All => servers.iter().map(String::as_str).collect(),
        Target::Count(count) if count.get() > servers.len() => {
            report(format!("`target` needs {count} nodes, the lab has {}", servers.len()));
            Vec::new()
        }
        // The seed may choose any of the nodes.
        Target::Count(count) if count.get() < servers.len() => Vec::new(),
        Target::Count(_) => servers.iter().map(String::as_str).collect(),
        Target::Named(names) => {
            for name in names.iter().filter(|name| !servers.contains(name)) {
                let near = did_you_mean(name, servers.iter().map(String::as_str));
                report(format!("unknown node `{name}`{near}"));
            }
            names.iter().map(String::as_str).collect()
        }
    }
}
