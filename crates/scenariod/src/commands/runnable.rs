//! Whether a lab has the nodes that scenarios need. The same rule serves `run`, `show`, `check` and `list --runnable`.

use daemon_core::exit::{Exit, UserError};
use daemon_core::problems::Problems;

use crate::scenario::Scenario;
use crate::scenario::target::{check_targets, find_shortage};

/// Why scenarios cannot run in a lab.
#[derive(Debug, thiserror::Error)]
#[error("{problems}")]
pub(crate) struct NotRunnable {
    problems: Problems,
    /// Whether a scenario needs more nodes than the lab has.
    is_short: bool,
}

impl UserError for NotRunnable {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        let hint = "add nodes to the lab file; `scenariod list --runnable` lists what this lab can run";
        self.is_short.then(|| hint.to_owned())
    }
}

/// Checks that a lab with these nodes can run all of the scenarios.
pub(crate) fn check_runnable<'a>(
    scenarios: impl Iterator<Item = &'a Scenario>,
    servers: &[String],
) -> Result<(), NotRunnable> {
    let (mut problems, mut is_short) = (Problems::default(), false);
    for scenario in scenarios {
        problems.extend(check_targets(scenario, servers));
        if let Some(shortage) = find_shortage(scenario, servers) {
            is_short = true;
            problems.0.push(shortage.into());
        }
    }
    problems.0.sort();
    problems.0.dedup();
    if problems.0.is_empty() { Ok(()) } else { Err(NotRunnable { problems, is_short }) }
}

/// Whether a lab with these nodes can run the scenario.
pub(crate) fn is_runnable(scenario: &Scenario, servers: &[String]) -> bool {
    check_runnable(std::iter::once(scenario), servers).is_ok()
}
