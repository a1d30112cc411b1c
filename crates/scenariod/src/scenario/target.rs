//! Whether the targets of a scenario are nodes of this lab. Pure.

use std::collections::BTreeSet;

use daemon_core::problems::{Problem, Problems};
use daemon_core::suggest::did_you_mean;
use metrics_core::labels::FaultType;

use crate::scenario::{FaultEntry, Scenario, Target};

/// Everything in the scenario that this lab's nodes cannot carry.
pub(crate) fn check_targets(scenario: &Scenario, servers: &[String]) -> Problems {
    let mut problems = Problems::default();
    let mut taken: BTreeSet<(&str, FaultType)> = BTreeSet::new();
    for entry in &scenario.faults {
        let mut wrong = |message: String| {
            let message = format!("scenario `{}`: {message}", scenario.name);
            problems.0.push(Problem { file: entry.source.file.clone(), line: entry.source.line, message });
        };
        for node in nodes(entry, servers, &mut wrong) {
            // Series are labelled by node and fault: two of a kind on one node could not be told apart.
            if !taken.insert((node, entry.fault.label())) {
                wrong(format!("{node} has the fault {} twice", entry.fault.label()));
            }
        }
    }
    problems
}

/// The nodes an entry is sure to hit.
fn nodes<'a>(entry: &'a FaultEntry, servers: &'a [String], wrong: &mut impl FnMut(String)) -> Vec<&'a str> {
    match &entry.target {
        Target::All => servers.iter().map(String::as_str).collect(),
        Target::Count(count) if count.get() > servers.len() => {
            wrong(format!("{count} nodes are asked for, the lab has {}", servers.len()));
            Vec::new()
        }
        // With fewer nodes than the lab has, the seed may pick any.
        Target::Count(count) if count.get() < servers.len() => Vec::new(),
        Target::Count(_) => servers.iter().map(String::as_str).collect(),
        Target::Named(names) => {
            for name in names.iter().filter(|name| !servers.contains(name)) {
                let near = did_you_mean(name, servers.iter().map(String::as_str));
                wrong(format!("unknown node `{name}`{near}"));
            }
            names.iter().map(String::as_str).collect()
        }
    }
}
