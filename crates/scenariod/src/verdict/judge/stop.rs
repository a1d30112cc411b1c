//! When a run is to be stopped early: one condition that has been true for long enough, or that cannot be read. Pure.

use std::time::Duration;

use crate::prometheus::Series;

/// What a look at a condition showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Yes,
    No,
    /// Prometheus did not answer, or had nothing recent to say.
    Nothing,
}

impl Seen {
    /// From the answer of an instant query.
    pub(crate) fn of(answer: &[Series]) -> Seen {
        let values = || answer.iter().filter_map(|series| series.points.last()).map(|(_, value)| *value);
        if values().next().is_none() || values().any(f64::is_nan) {
            Seen::Nothing
        } else if values().any(|value| value != 0.0) {
            Seen::Yes
        } else {
            Seen::No
        }
    }
}

/// Why a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Met,
    /// Flying blind: the fault goes off.
    Blind,
}

/// One condition over time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    lasting: Duration,
    grace: Duration,
    true_since: Option<Duration>,
    known_at: Duration,
}

impl Watch {
    /// Begins at the start of testing.
    pub(crate) fn new(lasting: Duration, grace: Duration) -> Watch {
        Watch { lasting, grace, true_since: None, known_at: Duration::ZERO }
    }

    /// What was seen so long after the start.
    pub(crate) fn observe(&mut self, elapsed: Duration, seen: Seen) -> Option<Cause> {
        match seen {
            Seen::Yes => {
                self.known_at = elapsed;
                let since = *self.true_since.get_or_insert(elapsed);
                (elapsed.saturating_sub(since) >= self.lasting).then_some(Cause::Met)
            }
            Seen::No => {
                self.known_at = elapsed;
                self.true_since = None;
                None
            }
            // What was true before a gap has not been seen to end: the gap counts for neither.
            Seen::Nothing => (elapsed.saturating_sub(self.known_at) >= self.grace).then_some(Cause::Blind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_what_lasts_stops_a_run() {
        let mut watch = Watch::new(SECOND * 3, SECOND * 5);
        let mut at = Duration::ZERO;
        let mut see = |seen| {
            at += SECOND;
            watch.observe(at, seen)
        };
        use Seen::{No, Nothing, Yes};
        assert_eq!([Yes, Yes, Yes, No].map(&mut see), [None; 4]);
        assert_eq!([Yes, Nothing, Yes].map(&mut see), [None; 3]);
        assert_eq!(see(Yes), Some(Cause::Met));
    }

    #[test]
    fn flying_blind_stops_it_after_the_grace() {
        let mut watch = Watch::new(SECOND, SECOND * 3);
        assert_eq!(watch.observe(SECOND * 2, Seen::Nothing), None);
        assert_eq!(watch.observe(SECOND * 2, Seen::No), None);
        assert_eq!(watch.observe(SECOND * 4, Seen::Nothing), None);
        assert_eq!(watch.observe(SECOND * 5, Seen::Nothing), Some(Cause::Blind));
    }

    #[test]
    fn no_number_is_nothing_seen() {
        let series = |value| vec![Series { points: vec![(1.0, value)], ..Series::default() }];
        assert_eq!(Seen::of(&[]), Seen::Nothing);
        assert_eq!(Seen::of(&series(f64::NAN)), Seen::Nothing);
        assert_eq!(Seen::of(&series(0.0)), Seen::No);
        assert_eq!(Seen::of(&[series(0.0), series(1.0)].concat()), Seen::Yes);
    }
}
