//! Decides when a run stops early: a stop condition has been true for long enough, or cannot be read. Pure.

use std::time::Duration;

use crate::prometheus::Series;

/// One reading of a stop condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observation {
    True,
    False,
    /// Prometheus did not answer, or had no recent data.
    Unreadable,
}

impl Observation {
    /// From the answer to an instant query.
    pub(crate) fn from_series(series: &[Series]) -> Observation {
        let values = || series.iter().filter_map(|series| series.points.last()).map(|(_, value)| *value);
        if values().next().is_none() || values().any(f64::is_nan) {
            Observation::Unreadable
        } else if values().any(|value| value != 0.0) {
            Observation::True
        } else {
            Observation::False
        }
    }
}

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The condition was true for as long as its `for` says.
    Met,
    /// The condition could not be read, so nobody would notice if it were met.
    Unreadable,
}

/// One stop condition over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConditionWatch {
    lasting: Duration,
    grace: Duration,
    true_since: Option<Duration>,
    read_at: Duration,
}

impl ConditionWatch {
    /// Times are counted from the start of testing.
    pub(crate) fn new(lasting: Duration, grace: Duration) -> ConditionWatch {
        ConditionWatch { lasting, grace, true_since: None, read_at: Duration::ZERO }
    }

    /// Takes the observation made at `elapsed`. Returns why the run has to stop, if it has to.
    pub(crate) fn observe(&mut self, elapsed: Duration, observation: Observation) -> Option<StopCause> {
        match observation {
            Observation::True => {
                self.read_at = elapsed;
                let since = *self.true_since.get_or_insert(elapsed);
                (elapsed.saturating_sub(since) >= self.lasting).then_some(StopCause::Met)
            }
            Observation::False => {
                self.read_at = elapsed;
                self.true_since = None;
                None
            }
            // A condition that was true before a gap keeps its start: the gap does not show that it became false.
            Observation::Unreadable => {
                (elapsed.saturating_sub(self.read_at) >= self.grace).then_some(StopCause::Unreadable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_condition_stops_the_run_only_after_its_duration() {
        let mut watch = ConditionWatch::new(SECOND * 3, SECOND * 5);
        let mut at = Duration::ZERO;
        let mut observe = |observation| {
            at += SECOND;
            watch.observe(at, observation)
        };
        use Observation::{False, True, Unreadable};
        assert_eq!([True, True, True, False].map(&mut observe), [None; 4]);
        assert_eq!([True, Unreadable, True].map(&mut observe), [None; 3]);
        assert_eq!(observe(True), Some(StopCause::Met));
    }

    #[test]
    fn an_unreadable_condition_stops_the_run_after_the_grace() {
        let mut watch = ConditionWatch::new(SECOND, SECOND * 3);
        assert_eq!(watch.observe(SECOND * 2, Observation::Unreadable), None);
        assert_eq!(watch.observe(SECOND * 2, Observation::False), None);
        assert_eq!(watch.observe(SECOND * 4, Observation::Unreadable), None);
        assert_eq!(watch.observe(SECOND * 5, Observation::Unreadable), Some(StopCause::Unreadable));
    }

    #[test]
    fn no_series_and_nan_are_unreadable() {
        let series = |value| vec![Series { points: vec![(1.0, value)], ..Series::default() }];
        assert_eq!(Observation::from_series(&[]), Observation::Unreadable);
        assert_eq!(Observation::from_series(&series(f64::NAN)), Observation::Unreadable);
        assert_eq!(Observation::from_series(&series(0.0)), Observation::False);
        assert_eq!(Observation::from_series(&[series(0.0), series(1.0)].concat()), Observation::True);
    }
}
