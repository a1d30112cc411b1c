//! Says before a run whether it can have a verdict, by the rules that judge it afterwards. A dry run prints all of it, and the
//! start of a command its reason.

use std::time::Duration;

use crate::plan::Plan;
use crate::plan::lengths::LAB_INTERVAL;
use crate::prometheus::{Prometheus, PrometheusError};
use crate::promql::{Nodes, SparseSamples};
use crate::scenario::expectation::Expectation;
use crate::scenario::{Phases, Scenario};
use crate::verdict::clock_watch::{ClockReading, read_skew};
use crate::verdict::judgement::presence::Presence;
use crate::verdict::judgement::shortfall::{Shortfall, find_shortfall};
use crate::verdict::live_series::read_presence;

/// The expectations of each planned run, with the phases of its plan.
#[derive(Debug)]
pub(crate) struct PlannedExpectations(Vec<(String, Vec<Expectation>, Phases)>);

/// What is known before a run about its verdict.
#[derive(Debug, Default)]
pub(crate) struct Outlook {
    /// A line for each load generator that does not count.
    pub(crate) notes: Vec<String>,
    /// A line for each expectation that cannot be judged.
    pub(crate) unjudged: Vec<String>,
    /// Why no run can have a verdict.
    pub(crate) no_verdict: Option<NoVerdict>,
}

/// Why a run would have no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVerdict {
    #[error(transparent)]
    Prometheus(#[from] PrometheusError),
    #[error("{0}")]
    Data(String),
    #[error("{0}")]
    Phases(String),
    #[error("{0}")]
    Scrapes(String),
}

/// Why one expectation cannot be judged.
#[derive(Debug, thiserror::Error)]
enum Unjudged {
    #[error("{0}")]
    Phase(Shortfall),
    #[error("`{expectation}` {sparse}")]
    Scrapes { expectation: String, sparse: SparseSamples },
}

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

    /// The expectations that cannot be judged, each with its scenario.
    fn unjudged(&self, interval: Duration) -> Vec<(&str, Unjudged)> {
        let mut all = Vec::new();
        for (scenario, expect, phases) in &self.0 {
            for expectation in expect {
                let scrapes = |sparse| Unjudged::Scrapes { expectation: expectation.name.clone(), sparse };
                let phase = || find_shortfall(expectation, phases, interval).map(Unjudged::Phase);
                let unjudged = expectation.query.find_sparse(interval).map(scrapes).or_else(phase);
                all.extend(unjudged.map(|unjudged| (scenario.as_str(), unjudged)));
            }
        }
        all
    }
}

impl Outlook {
    fn new(presence: &Presence, planned: &PlannedExpectations) -> Outlook {
        // A Prometheus that has just started to scrape will know its interval at the end of a run.
        let all = planned.unjudged(presence.interval.unwrap_or(LAB_INTERVAL));
        let mut unjudged: Vec<String> = Vec::new();
        for (scenario, reason) in &all {
            let line = format!("{scenario}: {reason}");
            if !unjudged.contains(&line) {
                unjudged.push(line);
            }
        }
        let no_verdict = match presence.problem() {
            Some(problem) => Some(NoVerdict::Data(problem.to_string())),
            None => summarize(&unjudged).zip(all.first()).map(|(summary, (_, first))| match first {
                Unjudged::Phase(_) => NoVerdict::Phases(summary),
                Unjudged::Scrapes { .. } => NoVerdict::Scrapes(summary),
            }),
        };
        // Alone, an absent load generator is the problem itself.
        let notes = if presence.live.is_empty() { Vec::new() } else { presence.notes() };
        Outlook { notes, unjudged, no_verdict }
    }

    /// Of these runs, if they began now.
    pub(crate) async fn read(prometheus: &Prometheus, planned: &PlannedExpectations) -> Outlook {
        let read = async {
            let presence = read_presence(prometheus).await?;
            let mut outlook = Outlook::new(&presence, planned);
            let (Some(interval), None) = (presence.interval, presence.problem()) else { return Ok(outlook) };
            let reading = ClockReading { skew: read_skew(prometheus).await?, jump: 0.0 };
            outlook.no_verdict = reading.doubt(interval).map(NoVerdict::Data).or(outlook.no_verdict);
            Ok::<_, PrometheusError>(outlook)
        };
        // Phases can be too short whatever the scrape interval is.
        read.await.unwrap_or_else(|error| Outlook {
            no_verdict: Some(error.into()),
            ..Outlook::new(&Presence::default(), planned)
        })
    }
}

/// All lines on one line.
fn summarize(lines: &[String]) -> Option<String> {
    let (first, rest) = lines.split_first()?;
    Some(match rest.len() {
        0 => first.clone(),
        1 => format!("{first}; 1 more expectation cannot be judged"),
        more => format!("{first}; {more} more expectations cannot be judged"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;
    use crate::plan::TimeScale;
    use crate::plan::lengths::Pace;
    use crate::prometheus::Series;

    /// Of the shipped catalogue, with this time scale and scrape interval.
    fn outlook(scale: f64, interval: u64) -> Outlook {
        let library = Library::load(None).unwrap();
        let nodes: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let interval = Duration::from_secs(interval);
        let pace = Pace { scale: TimeScale::new(scale).unwrap(), interval: Some(interval) };
        let runs = library.catalogue.scenarios().iter();
        let runs = runs.map(|scenario| (scenario, Plan::new(scenario, &nodes, pace, 1)));
        let points = (0..20_u32).map(|n| (f64::from(n) * interval.as_secs_f64(), 1.0)).collect();
        let up = Series { points, ..Series::default() };
        let presence = Presence::find(&[up], &[], 19.0 * interval.as_secs_f64());
        Outlook::new(&presence, &PlannedExpectations::new(runs, &nodes))
    }

    #[test]
    fn every_shipped_expectation_can_be_judged_at_any_scale_and_up_to_two_seconds_between_scrapes() {
        for scale in [0.01, 0.1, 0.25, 1.0, 3.0] {
            for interval in [1, 2] {
                let outlook = outlook(scale, interval);
                assert!(outlook.no_verdict.is_none(), "{scale} {interval}: {:?}", outlook.unjudged);
            }
        }
    }

    #[test]
    fn longer_intervals_are_named_for_each_expectation() {
        for interval in [5, 15] {
            let outlook = outlook(1.0, interval);
            let line = format!(
                "packet-loss-10: `the client is well before the fault` needs 2 samples in 5s, but Prometheus scrapes every {interval}s"
            );
            assert!(outlook.unjudged.contains(&line), "{:?}", outlook.unjudged);
            assert!(matches!(outlook.no_verdict, Some(NoVerdict::Scrapes(_))), "{outlook:?}");
            // Gauges can be judged.
            assert!(!outlook.unjudged.iter().any(|line| line.contains("`the breaker closes again`")));
        }
    }
}
