//! Says at the start of a command that there will be no verdict, where that can be known already. It delays nothing and
//! decides nothing: what does not answer yet may do so by the end of a run.

use std::time::Duration;

use metrics_core::families::client::readings;

use crate::plan::Plan;
use crate::prometheus::Prometheus;
use crate::prometheus::Series;
use crate::promql::Nodes;
use crate::scenario::Phases;
use crate::scenario::Scenario;
use crate::scenario::expectation::Expectation;
use crate::terminal::narrator::Narrator;
use crate::verdict::judge::ahead::short;
use crate::verdict::judge::evidence::Health;

/// Enough samples to know how often Prometheus scrapes.
pub(crate) const LEAD: &str = "1m";
/// How often it does in the lab, where it has only begun to.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is expected of each run that may be started, with the phases it is planned with.
#[derive(Debug)]
pub(crate) struct Ahead(Vec<(String, Vec<Expectation>, Phases)>);

impl Ahead {
    /// Of these runs on a lab with these nodes.
    pub(crate) fn of<'a>(runs: impl Iterator<Item = (&'a Scenario, Plan)>, nodes: &[String]) -> Ahead {
        let one = |(scenario, plan): (&Scenario, Plan)| {
            let targets = plan.targets().into_iter().map(str::to_owned).collect();
            let nodes = Nodes { targets: &targets, all: nodes };
            let applies =
                scenario.expect.iter().filter(|expectation| expectation.query.fill(nodes).is_some());
            (scenario.name.clone(), applies.cloned().collect(), plan.phases)
        };
        Ahead(runs.map(one).collect())
    }

    /// What cannot be judged, whatever is measured: each once. Scrapes are so far apart, or as in the lab.
    pub(crate) fn too_short(&self, interval: Option<Duration>) -> Vec<String> {
        let interval = interval.unwrap_or(INTERVAL);
        let mut found = Vec::new();
        for (scenario, expect, phases) in &self.0 {
            for short in expect.iter().filter_map(|expectation| short(expectation, phases, interval)) {
                let line = format!("{scenario}: {short}");
                if !found.contains(&line) {
                    found.push(line);
                }
            }
        }
        found
    }
}

/// All of it on one line.
pub(crate) fn summary(too_short: &[String]) -> Option<String> {
    let (first, rest) = too_short.split_first()?;
    Some(match rest.len() {
        0 => first.clone(),
        more => format!("{first}; {more} more are too short"),
    })
}

/// How often Prometheus scrapes the load generator, where that is known yet.
async fn interval(prometheus: &Prometheus) -> Option<Duration> {
    let scrapes = prometheus.instant(&readings::scrapes(LEAD), None).await.ok()?;
    Health::new(&scrapes).map(|health| health.interval)
}

/// One look at Prometheus, in the background.
pub(crate) fn forewarn(prometheus: Prometheus, ahead: Ahead, narrator: Narrator) {
    tokio::spawn(async move {
        let trouble = match prometheus.instant(&readings::answering(), None).await {
            Err(error) => Some(error.to_string()),
            Ok(up) => match trouble(&up) {
                Some(trouble) => Some(trouble.to_owned()),
                None => summary(&ahead.too_short(interval(&prometheus).await)),
            },
        };
        if let Some(trouble) = trouble {
            narrator.say(format!("warning: no verdict is possible at present: {trouble}"));
        }
    });
}

/// What the last scrape of each load generator says.
pub(crate) fn trouble(up: &[Series]) -> Option<&'static str> {
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
    fn only_an_answer_is_no_trouble() {
        let up = |value: f64| Series { labels: [].into(), points: vec![(1.0, value)] };
        assert_eq!(trouble(&[up(1.0)]), None);
        assert_eq!(trouble(&[up(0.0), up(1.0)]), None);
        assert_eq!(trouble(&[up(0.0)]), Some("the load generator does not answer prometheus"));
        assert_eq!(trouble(&[]), Some("prometheus does not scrape the load generator"));
    }
}
