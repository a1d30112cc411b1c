//! The nodes that a target means in a lab, and the problems of a scenario with the nodes of a lab. Pure.

use std::collections::BTreeSet;
use std::fmt;

use daemon_core::problems::{Problem, Problems};
use daemon_core::suggest::did_you_mean;
use metrics_core::labels::FaultType;

use crate::scenario::{FaultEntry, Scenario, SourceLine, Target};

/// A lab with fewer nodes than a scenario needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeShortage {
    pub(crate) scenario: String,
    pub(crate) needed: usize,
    pub(crate) there: usize,
    source: SourceLine,
}

impl fmt::Display for NodeShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NodeShortage { scenario, needed, there, .. } = self;
        let nodes = if *needed == 1 { "node" } else { "nodes" };
        write!(f, "scenario `{scenario}` needs {needed} {nodes}, the lab has {there}")
    }
}

impl From<NodeShortage> for Problem {
    fn from(shortage: NodeShortage) -> Problem {
        let message = shortage.to_string();
        Problem { file: shortage.source.file, line: shortage.source.line, message }
    }
}

impl Target {
    /// The number of nodes that a lab must have for it.
    pub(crate) fn nodes_needed(&self) -> usize {
        match self {
            Target::All => 1,
            Target::Named(names) => names.len(),
            Target::First(count) | Target::Nth(count) | Target::Count(count) => count.get(),
        }
    }

    /// The nodes that it means in this lab. `None` if the seed of the run chooses among them.
    pub(crate) fn fixed_nodes<'a>(&'a self, servers: &'a [String]) -> Option<&'a [String]> {
        match self {
            Target::All => Some(servers),
            Target::Named(names) => Some(names),
            Target::First(count) => Some(servers.get(..count.get()).unwrap_or(servers)),
            Target::Nth(position) => {
                Some(servers.get(position.get() - 1..position.get()).unwrap_or_default())
            }
            Target::Count(count) => (count.get() >= servers.len()).then_some(servers),
        }
    }

    /// In words that can follow "on".
    pub(crate) fn describe(&self) -> String {
        match self {
            Target::All => "all nodes".to_owned(),
            Target::Named(names) => names.join(" and "),
            Target::First(count) if count.get() == 1 => "the first node".to_owned(),
            Target::First(count) => format!("the first {count} nodes"),
            Target::Nth(position) => format!("node {position}"),
            Target::Count(count) if count.get() == 1 => "a random node".to_owned(),
            Target::Count(count) => format!("{count} random nodes"),
        }
    }
}

/// Whether this lab has fewer nodes than the scenario needs.
pub(crate) fn find_shortage(scenario: &Scenario, servers: &[String]) -> Option<NodeShortage> {
    let (needed, there) = (scenario.nodes_needed(), servers.len());
    // The line of the target that needs the most nodes. A query may need more than any target.
    let largest = scenario.faults.iter().find(|entry| entry.target.nodes_needed() == needed);
    let source = largest.map_or(&scenario.source, |entry| &entry.source).clone();
    let by_name = |entry: &FaultEntry| matches!(entry.target, Target::Named(_));
    // Names that the lab does not have are a problem of their own.
    let only_names = largest.is_some_and(by_name);
    (needed > there && !only_names).then(|| NodeShortage {
        scenario: scenario.name.clone(),
        needed,
        there,
        source,
    })
}

/// Every problem of the scenario with the nodes of this lab, except for a shortage.
pub(crate) fn check_targets(scenario: &Scenario, servers: &[String]) -> Problems {
    let mut problems = Problems::default();
    let mut taken: BTreeSet<(&str, FaultType)> = BTreeSet::new();
    for entry in &scenario.faults {
        let mut report = |message: String| {
            let message = format!("scenario `{}`: {message}", scenario.name);
            problems.0.push(Problem { file: entry.source.file.clone(), line: entry.source.line, message });
        };
        if let Target::Named(names) = &entry.target {
            names.iter().filter(|name| !servers.contains(name)).for_each(|name| {
                report(unknown_node(name, servers));
            });
        }
        // The seed may choose any of the nodes.
        for node in entry.target.fixed_nodes(servers).unwrap_or_default() {
            // Series have a label for the node and one for the fault: two faults of a kind on one node would share a series.
            if !taken.insert((node, entry.fault.label())) {
                report(format!("{node} has the fault {} twice", entry.fault.label()));
            }
        }
    }
    problems
}

fn unknown_node(name: &str, servers: &[String]) -> String {
    let near = did_you_mean(name, servers.iter().map(String::as_str));
    let all = servers.join(", ");
    format!("unknown node `{name}`{near} (the lab has {all}; `{{ first: 1 }}` is its first node)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;

    fn lab(nodes: usize) -> Vec<String> {
        (1..=nodes).map(|n| format!("cache-{n}")).collect()
    }

    /// Every shipped scenario means positions, so the names of a lab do not matter.
    #[test]
    fn the_shipped_scenarios_need_a_number_of_nodes_and_no_names() {
        let library = Library::load(None).unwrap();
        let short = |nodes: usize| -> Vec<String> {
            let servers = lab(nodes);
            let scenarios = library.catalogue.scenarios().iter();
            scenarios
                .filter_map(|scenario| {
                    assert_eq!(check_targets(scenario, &servers), Problems::default(), "{}", scenario.name);
                    find_shortage(scenario, &servers)
                })
                .map(|shortage| shortage.to_string())
                .collect()
        };
        assert_eq!(short(3), Vec::<String>::new());
        assert_eq!(
            short(2),
            ["rolling-failure", "mixed-faults"]
                .map(|name| format!("scenario `{name}` needs 3 nodes, the lab has 2"))
        );
        assert_eq!(short(1).len(), 6, "{:?}", short(1));
    }

    #[test]
    fn a_position_means_the_same_node_in_every_run() {
        let servers = lab(3);
        let number = |n| std::num::NonZeroUsize::new(n).unwrap();
        assert_eq!(Target::First(number(2)).fixed_nodes(&servers), Some(&servers[..2]));
        assert_eq!(Target::Nth(number(3)).fixed_nodes(&servers), Some(&servers[2..]));
        assert_eq!(Target::Nth(number(4)).fixed_nodes(&servers), Some(&servers[..0]));
        assert_eq!(Target::Count(number(2)).fixed_nodes(&servers), None);
        assert_eq!(Target::Count(number(3)).fixed_nodes(&servers), Some(&servers[..]));
    }
}
