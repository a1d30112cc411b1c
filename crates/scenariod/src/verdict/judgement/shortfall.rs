//! Finds, before a run, the expectations whose phases are planned too short for a verdict. Pure.

use std::fmt;
use std::time::Duration;

use super::is_too_short;
use crate::scenario::expectation::{Expectation, Must};
use crate::scenario::{During, Phases};
use crate::text::format_duration;

/// An expectation whose phase is too short for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shortfall {
    expectation: String,
    during: During,
    planned: Duration,
    needed: Duration,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needed, planned) = (format_duration(self.needed), format_duration(self.planned));
        let phase = if self.during == During::Run { "the run" } else { self.during.as_str() };
        write!(f, "`{}` needs {needed} of {phase}, but {phase} lasts {planned}", self.expectation)
    }
}

/// Whether `judge_expectation` will find the phase too short if it lasts as planned. `interval` is that of the scrapes.
pub(crate) fn find_shortfall(
    expectation: &Expectation,
    planned: &Phases,
    interval: Duration,
) -> Option<Shortfall> {
    let during = expectation.during;
    let planned = planned.of(during);
    let scrape_after = match during {
        During::Stabilization | During::Testing => Duration::ZERO,
        During::Recovery | During::Run => interval,
    };
    let lookback = expectation.query.lookback(interval);
    let evaluated = planned.saturating_add(scrape_after).as_secs_f64();
    let needed_by_query = match is_too_short(expectation, evaluated, lookback) {
        true => lookback.saturating_sub(scrape_after),
        false => Duration::ZERO,
    };
    let needed_by_limit = match expectation.must {
        Must::Within(limit) if during != During::Run && planned < limit => limit,
        Must::Within(_) | Must::Always | Must::Never | Must::Sometime | Must::AtEnd | Must::Compare(_) => {
            Duration::ZERO
        }
    };
    let needed = needed_by_query.max(needed_by_limit);
    (!needed.is_zero()).then(|| Shortfall { expectation: expectation.name.clone(), during, planned, needed })
}

#[cfg(test)]
mod tests {
    use metrics_core::labels::Finding;

    use super::*;
    use crate::catalogue::library::Library;
    use crate::plan::{Plan, TimeScale};
    use crate::scenario::{Window, Windows};
    use crate::verdict::judgement::evidence::{Evidence, ScrapeHealth};
    use crate::verdict::judgement::{evaluation_grid, judge_expectation};

    /// The time scale in the examples of `--help`.
    const HELP_SCALE: f64 = 0.2;

    /// The windows of a run that went as planned.
    fn windows(phases: &Phases) -> Windows {
        let end = |start: f64, length: Duration| Window { start, end: start + length.as_secs_f64() };
        let stabilization = end(1000.0, phases.stabilization);
        let testing = end(stabilization.end, phases.testing);
        let recovery = end(testing.end, phases.recovery);
        Windows { stabilization, testing, on_until: testing.end, recovery }
    }

    /// A phase is found too short before the run exactly if it is judged too short after the run.
    #[test]
    fn shortfalls_agree_with_the_judgement_after_the_run() {
        let (mut short, mut long_enough) = (0, 0);
        let interval = Duration::from_secs(1);
        let nodes: Vec<String> = ["memcached1", "memcached2", "memcached3"].map(str::to_owned).into();
        for scenario in Library::load(None).unwrap().catalogue.scenarios() {
            for scale in [0.01, 0.05, 0.1, 0.15, HELP_SCALE, 0.5, 1.0] {
                let phases = Plan::new(scenario, &nodes, TimeScale::new(scale).unwrap(), 1).phases;
                let windows = windows(&phases);
                let health = ScrapeHealth { interval, targets: Vec::new() };
                for expectation in &scenario.expect {
                    let grid = evaluation_grid(expectation, &windows, interval);
                    let evidence = Evidence { series: &[], nodes: &[], health: &health, grid };
                    let planned = phases.of(expectation.during);
                    let judgement = judge_expectation(expectation, &windows, &evidence, planned);
                    assert_eq!(judgement.finding, Some(Finding::Inconclusive), "there is no data");
                    let too_short = judgement.reason.starts_with("the phase ");
                    assert!(!too_short || scale < HELP_SCALE, "{} {scale} {judgement:?}", scenario.name);
                    let shortfall = find_shortfall(expectation, &phases, interval);
                    assert_eq!(shortfall.is_some(), too_short, "{} {scale} {judgement:?}", scenario.name);
                    if too_short {
                        short += 1
                    } else {
                        long_enough += 1
                    }
                    // A phase as long as needed has no shortfall.
                    let Some(Shortfall { during, needed, .. }) = shortfall else { continue };
                    let mut longer = phases;
                    match during {
                        During::Stabilization => longer.stabilization = needed,
                        During::Testing => longer.testing = needed,
                        During::Recovery => longer.recovery = needed,
                        During::Run => continue,
                    }
                    assert_eq!(find_shortfall(expectation, &longer, interval), None, "{}", scenario.name);
                }
            }
        }
        assert!(short > 100 && long_enough > 100, "{short} {long_enough}");
    }
}
