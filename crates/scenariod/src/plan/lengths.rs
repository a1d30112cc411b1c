//! The lengths of the phases of one run. With a time scale below 1, a phase keeps the length that its expectations need. Pure.

use std::time::Duration;

use crate::plan::time_scale::TimeScale;
use crate::scenario::expectation::{Expectation, Must};
use crate::scenario::{During, Phases, Scenario};
use crate::text::format_duration;

/// The scrape interval of the lab, where that of Prometheus is not known.
pub(crate) const LAB_INTERVAL: Duration = Duration::from_secs(1);

/// What sets the lengths of a run, beside its scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pace {
    pub(crate) scale: TimeScale,
    /// The interval of the scrapes that the run is judged by. Without one, phases are only scaled.
    pub(crate) interval: Option<Duration>,
}

/// The lengths of the phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PhaseLengths {
    /// As the run will have them.
    pub(crate) planned: Phases,
    /// As the time scale alone would make them.
    pub(crate) scaled: Phases,
}

impl From<TimeScale> for Pace {
    fn from(scale: TimeScale) -> Pace {
        Pace { scale, interval: None }
    }
}

impl PhaseLengths {
    pub(crate) fn new(scenario: &Scenario, pace: Pace) -> PhaseLengths {
        let full = scenario.phases;
        let scaled = Phases {
            stabilization: pace.scale.of(full.stabilization),
            testing: pace.scale.of(full.testing),
            recovery: pace.scale.of(full.recovery),
        };
        let Some(interval) = pace.interval.filter(|_| pace.scale.shortens()) else {
            return PhaseLengths { planned: scaled, scaled };
        };
        let needed = needed(scenario, interval);
        // No phase gets longer than it is without a time scale.
        let at_least = |scaled: Duration, needed: Duration, full: Duration| scaled.max(needed.min(full));
        let mut planned = Phases {
            stabilization: at_least(scaled.stabilization, needed.stabilization, full.stabilization),
            testing: at_least(scaled.testing, needed.testing, full.testing),
            recovery: at_least(scaled.recovery, needed.recovery, full.recovery),
        };
        let missing = needed_by_run(scenario, interval).saturating_sub(planned.total());
        planned.testing = at_least(planned.testing, planned.testing.saturating_add(missing), full.testing);
        PhaseLengths { planned, scaled }
    }

    /// The phases that are longer than scaled, in words.
    pub(crate) fn describe(&self) -> Option<String> {
        let one = |during: During| {
            let (planned, scaled) = (self.planned.of(during), self.scaled.of(during));
            let lengths = || (format_duration(planned), format_duration(scaled));
            let words =
                |(planned, scaled)| format!("{} lasts {planned} instead of {scaled}", during.as_str());
            (planned > scaled).then(lengths).map(words)
        };
        let longer: Vec<String> = During::PHASES.into_iter().filter_map(one).collect();
        let why = "because the expectations need that long";
        (!longer.is_empty()).then(|| format!("{}, {why}", longer.join(", ")))
    }
}

/// The length that the expectations and stop rules of each phase need.
fn needed(scenario: &Scenario, interval: Duration) -> Phases {
    let of = |during: During| {
        let uses = |expectation: &&Expectation| {
            let is_base = during == During::Stabilization && matches!(expectation.must, Must::Compare(_));
            expectation.during == during || is_base
        };
        let needs = scenario.expect.iter().filter(uses).map(|expectation| needed_by(expectation, interval));
        needs.max().unwrap_or_default()
    };
    let rules = scenario.stop_when.iter().map(|rule| rule.lasting.saturating_add(interval * 2));
    Phases {
        stabilization: of(During::Stabilization),
        testing: of(During::Testing).max(rules.max().unwrap_or_default()),
        recovery: of(During::Recovery),
    }
}

fn needed_by_run(scenario: &Scenario, interval: Duration) -> Duration {
    let of_run = scenario.expect.iter().filter(|expectation| expectation.during == During::Run);
    of_run.map(|expectation| needed_by(expectation, interval)).max().unwrap_or_default()
}

/// Its `within`, or what its query looks back, and two scrapes.
fn needed_by(expectation: &Expectation, interval: Duration) -> Duration {
    // A longer phase does not help a query without enough samples.
    if expectation.query.find_sparse(interval).is_some() {
        return Duration::ZERO;
    }
    let lookback = match expectation.must {
        // It also counts what it sees in the first moments.
        Must::Sometime => Duration::ZERO,
        Must::Always | Must::Never | Must::AtEnd | Must::Within(_) | Must::Compare(_) => {
            expectation.query.lookback(interval)
        }
    };
    let limit = match expectation.must {
        Must::Within(limit) => limit,
        Must::Always | Must::Never | Must::Sometime | Must::AtEnd | Must::Compare(_) => Duration::ZERO,
    };
    lookback.max(limit).saturating_add(interval * 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;

    fn lengths(name: &str, scale: f64, interval: Option<u64>) -> PhaseLengths {
        let library = Library::load(None).unwrap();
        let scenario = library.catalogue.scenarios().iter().find(|one| one.name == name).unwrap();
        let interval = interval.map(Duration::from_secs);
        PhaseLengths::new(scenario, Pace { scale: TimeScale::new(scale).unwrap(), interval })
    }

    fn seconds(phases: Phases) -> [f64; 3] {
        During::PHASES.map(|during| phases.of(during).as_secs_f64())
    }

    #[test]
    fn a_short_phase_keeps_what_its_expectations_need() {
        // 5 s for a rate, 6 s for a recorded rate, 8 s for a `within`, and two scrapes each.
        let short = lengths("node-down", 0.01, Some(1));
        assert_eq!(seconds(short.planned), [8.0, 8.0, 10.0]);
        assert_eq!(
            short.describe().unwrap(),
            "stabilization lasts 8s instead of 300ms, testing lasts 8s instead of 600ms, recovery lasts 10s instead of \
             600ms, because the expectations need that long"
        );
        // With two seconds between scrapes, a recorded rate looks back 7 s.
        assert_eq!(seconds(lengths("node-down", 0.01, Some(2)).planned), [11.0, 11.0, 12.0]);
        let long = lengths("node-down", 0.5, Some(1));
        assert_eq!((seconds(long.planned), long.describe()), ([15.0, 30.0, 30.0], None));
    }

    #[test]
    fn only_a_factor_below_1_of_a_judged_run_is_corrected() {
        assert_eq!(seconds(lengths("node-down", 0.01, None).planned), [0.3, 0.6, 0.6]);
        for scale in [1.0, 2.0] {
            let kept = lengths("node-down", scale, Some(15));
            assert_eq!(kept.planned, kept.scaled);
        }
    }

    #[test]
    fn no_phase_is_longer_than_without_a_factor() {
        let library = Library::load(None).unwrap();
        for scenario in library.catalogue.scenarios() {
            for (scale, interval) in [(0.001, 1), (0.1, 2), (0.1, 15), (0.9, 60)] {
                let pace = Pace {
                    scale: TimeScale::new(scale).unwrap(),
                    interval: Some(Duration::from_secs(interval)),
                };
                let PhaseLengths { planned, scaled } = PhaseLengths::new(scenario, pace);
                for during in During::PHASES {
                    assert!(planned.of(during) <= scenario.phases.of(during), "{}", scenario.name);
                    assert!(planned.of(during) >= scaled.of(during), "{}", scenario.name);
                }
            }
        }
    }
}
