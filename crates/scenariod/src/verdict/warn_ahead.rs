//! Warns at the start of a command if a verdict is already known to be impossible. The check runs in the background and
//! stops nothing: a Prometheus that does not answer now may answer by the end of a run.

use std::time::Duration;

use metrics_core::families::client::readings;

use crate::plan::Plan;
use crate::prometheus::{Prometheus, Series};
use crate::promql::Nodes;
use crate::scenario::expectation::Expectation;
use crate::scenario::{Phases, Scenario};
use crate::terminal::narrator::Narrator;
use crate::verdict::judgement::evidence::ScrapeHealth;
use crate::verdict::judgement::shortfall::find_shortfall;

/// A range with enough samples to know the scrape interval.
pub(crate) const SCRAPE_HISTORY: &str = "1m";
/// The scrape interval of the lab, for a Prometheus that has just started.
const LAB_INTERVAL: Duration = Duration::from_secs(1);

/// The expectations of each planned run, with the phases of its plan.
#[derive(Debug)]
pub(crate) struct PlannedExpectations(Vec<(String, Vec<Expectation>, Phases)>);

impl PlannedExpectations {
    /// Of these runs, in a lab with these nodes.
    pub(crate) fn new<'a>(
        runs: impl Iterator<Item = (&'a Scenario, Plan)>,
        nodes: &[String],
    ) -> PlannedExpectations {
        let planned = |(scenario, plan): (&Scenario, Plan)| {
            let targets = plan.targets();
            let nodes = Nodes { targets: &targets, all: nodes };
            let applies =
                scenario.expect.iter().filter(|expectation| expectation.query.fill(nodes).is_some());
            (scenario.name.clone(), applies.cloned().collect(), plan.phases)
        };
        PlannedExpectations(runs.map(planned).collect())
    }

    /// Describes each expectation whose phase is too short for it, without duplicates. `interval` is that of the scrapes,
    /// if known.
    pub(crate) fn shortfalls(&self, interval: Option<Duration>) -> Vec<String> {
        let interval = interval.unwrap_or(LAB_INTERVAL);
        let mut lines = Vec::new();
        for (scenario, expect, phases) in &self.0 {
            for shortfall in
                expect.iter().filter_map(|expectation| find_shortfall(expectation, phases, interval))
            {
                let line = format!("{scenario}: {shortfall}");
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }
}

/// All shortfalls on one line.
pub(crate) fn summarize_shortfalls(lines: &[String]) -> Option<String> {
    let (first, rest) = lines.split_first()?;
    Some(match rest.len() {
        0 => first.clone(),
        more => format!("{first}; phases are too short for {more} more"),
    })
}

/// The interval at which Prometheus scrapes the load generator, if it is known yet.
async fn read_interval(prometheus: &Prometheus) -> Option<Duration> {
    let scrapes = prometheus.instant(&readings::scrapes(SCRAPE_HISTORY), None).await.ok()?;
    ScrapeHealth::new(&scrapes).map(|health| health.interval)
}

/// Starts the check in the background.
pub(crate) fn warn_ahead(prometheus: Prometheus, planned: PlannedExpectations, narrator: Narrator) {
    tokio::spawn(async move {
        let problem = match prometheus.instant(&readings::answering(), None).await {
            Err(error) => Some(error.to_string()),
            Ok(up) => match scrape_problem(&up) {
                Some(problem) => Some(problem.to_owned()),
                None => {
                    let interval = read_interval(&prometheus).await;
                    summarize_shortfalls(&planned.shortfalls(interval))
                }
            },
        };
        if let Some(problem) = problem {
            narrator.say(format!("warning: no verdict is possible at present: {problem}"));
        }
    });
}

/// What is wrong with the last scrapes of the load generator.
pub(crate) fn scrape_problem(up: &[Series]) -> Option<&'static str> {
    let answered = |series: &Series| series.points.last().is_some_and(|(_, up)| *up == 1.0);
    if up.is_empty() {
        Some("prometheus does not scrape the load generator")
    } else if up.iter().any(answered) {
        None
    } else {
        Some("the load generator does not answer prometheus")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_load_generator_that_answers_is_enough() {
        let up = |value: f64| Series { labels: [].into(), points: vec![(1.0, value)] };
        assert_eq!(scrape_problem(&[up(1.0)]), None);
        assert_eq!(scrape_problem(&[up(0.0), up(1.0)]), None);
        assert_eq!(scrape_problem(&[up(0.0)]), Some("the load generator does not answer prometheus"));
        assert_eq!(scrape_problem(&[]), Some("prometheus does not scrape the load generator"));
    }
}
