//! What of a verdict is known before the run: which phases are too short for what is expected in them. Pure.

use std::fmt;
use std::time::Duration;

use crate::scenario::During;

use super::unsettled;
use crate::scenario::Phases;
use crate::scenario::expectation::{Expectation, Must};
use crate::text::format_duration;

/// An expectation that its phase is too short for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Short {
    expectation: String,
    during: During,
    lasts: Duration,
    needs: Duration,
}

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needs, lasts) = (format_duration(self.needs), format_duration(self.lasts));
        let Short { expectation, during, .. } = self;
        let phase = if *during == During::Run { "the run" } else { during.as_str() };
        write!(f, "`{expectation}` needs {needs} of {phase}, which lasts {lasts}")
    }
}

/// What the judge will find if each phase lasts as planned; `interval` is that of the scrapes.
pub(crate) fn short(expectation: &Expectation, planned: &Phases, interval: Duration) -> Option<Short> {
    let lasts = planned.of(expectation.during);
    let behind = match expectation.during {
        During::Stabilization | During::Testing => Duration::ZERO,
        During::Recovery | During::Run => interval,
    };
    let lookback = expectation.query.lookback(interval);
    let settles = match unsettled(expectation, lasts.saturating_add(behind).as_secs_f64(), lookback) {
        true => lookback.saturating_sub(behind),
        false => Duration::ZERO,
    };
    let allows = match expectation.must {
        Must::Within(limit) if expectation.during != During::Run && lasts < limit => limit,
        Must::Within(_) | Must::Always | Must::Never | Must::Sometime | Must::AtEnd | Must::Compare(_) => {
            Duration::ZERO
        }
    };
    let needs = settles.max(allows);
    let name = || expectation.name.clone();
    (!needs.is_zero()).then(|| Short { expectation: name(), during: expectation.during, lasts, needs })
}

#[cfg(test)]
mod tests {
    use metrics_core::labels::Finding;

    use super::*;
    use crate::catalogue::library::Library;
    use crate::plan::{Plan, TimeScale};
    use crate::scenario::{Window, Windows};
    use crate::verdict::judge::evidence::{Evidence, Health};
    use crate::verdict::judge::{grid, judge};

    /// The scale at which the examples of `--help` walk everything.
    const HELPED: f64 = 0.2;

    /// Of a run that went as planned.
    fn windows(phases: &Phases) -> Windows {
        let end = |start: f64, length: Duration| Window { start, end: start + length.as_secs_f64() };
        let stabilization = end(1000.0, phases.stabilization);
        let testing = end(stabilization.end, phases.testing);
        let recovery = end(testing.end, phases.recovery);
        Windows { stabilization, testing, on_until: testing.end, recovery }
    }

    /// What is found short before a run is what the judge finds too short after it, and nothing else.
    #[test]
    fn it_is_what_the_judge_finds() {
        let (mut found, mut passed) = (0, 0);
        let interval = Duration::from_secs(1);
        let nodes: Vec<String> = ["memcached1", "memcached2", "memcached3"].map(str::to_owned).into();
        for scenario in Library::load(None).unwrap().catalogue.scenarios() {
            for scale in [0.01, 0.05, 0.1, 0.15, HELPED, 0.5, 1.0] {
                let phases = Plan::new(scenario, &nodes, TimeScale::new(scale).unwrap(), 1).phases;
                let windows = windows(&phases);
                let health = Health { interval, targets: Vec::new() };
                for expectation in &scenario.expect {
                    let grid = grid(expectation, &windows, interval);
                    let evidence = Evidence { series: &[], nodes: &[], health: &health, grid };
                    let planned = phases.of(expectation.during);
                    let judged = judge(expectation, &windows, &evidence, planned);
                    assert_eq!(judged.finding, Some(Finding::Inconclusive), "there is no data");
                    let too_short = judged.reason.starts_with("the phase ");
                    assert!(!too_short || scale < HELPED, "{} {scale} {judged:?}", scenario.name);
                    let short = short(expectation, &phases, interval);
                    assert_eq!(short.is_some(), too_short, "{} {scale} {judged:?}", scenario.name);
                    if too_short {
                        found += 1
                    } else {
                        passed += 1
                    }
                    // As long as is said to be needed is enough.
                    let Some(Short { during, needs, .. }) = short else { continue };
                    let mut longer = phases;
                    match during {
                        During::Stabilization => longer.stabilization = needs,
                        During::Testing => longer.testing = needs,
                        During::Recovery => longer.recovery = needs,
                        During::Run => continue,
                    }
                    assert_eq!(super::short(expectation, &longer, interval), None, "{}", scenario.name);
                }
            }
        }
        assert!(found > 100 && passed > 100, "{found} {passed}");
    }
}
