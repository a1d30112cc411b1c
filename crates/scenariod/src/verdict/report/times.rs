//! How long a node took to be noticed and to heal, out of the times that the client itself exports: a scrape only has to
//! come in time to see them, so its interval does not blur them. Pure.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::prometheus::Series;

use crate::scenario::Windows;

/// Errors have ended when none followed for so long; in a short phase, for a part of it.
const HOLD: Duration = Duration::from_secs(5);
const PART_OF_RECOVERY: u32 = 6;
/// The value of the breaker's state gauge.
const CLOSED: f64 = 0.0;
const OPEN: f64 = 2.0;

/// Whether a node got over what befell it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Recovery {
    /// So many seconds after recovery began.
    After(f64),
    /// Not in all of recovery.
    NotSeen,
    /// Nothing befell it, or there was too little to tell.
    #[default]
    Untold,
}

impl Recovery {
    /// In a run that ended early: what was not seen by then may have come later.
    pub(crate) fn so_far(self) -> Recovery {
        match self {
            Recovery::NotSeen => Recovery::Untold,
            told => told,
        }
    }

    pub(crate) fn seconds(self) -> Option<f64> {
        match self {
            Recovery::After(seconds) => Some(seconds),
            Recovery::NotSeen | Recovery::Untold => None,
        }
    }
}

impl Serialize for Recovery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.seconds().serialize(serializer)
    }
}

/// Samples of one node over the run; each is a time of a scrape and a value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Samples<'a> {
    pub(crate) changed_at: Option<&'a Series>,
    pub(crate) state: Option<&'a Series>,
    pub(crate) last_error_at: Option<&'a Series>,
}

impl Samples<'_> {
    /// From the start of testing until the breaker opened.
    pub(crate) fn time_to_detect(&self, windows: &Windows) -> Option<f64> {
        let (begin, end) = (windows.testing.start, windows.testing.end);
        let state = &self.state?.points;
        let was_closed = state.iter().rfind(|(at, _)| *at <= begin).is_none_or(|(_, state)| *state == CLOSED);
        // From closed, the first change is the opening, even where the scrape came after the next one.
        let opening = |at: f64| {
            was_closed || state.iter().find(|(time, _)| *time >= at).is_some_and(|(_, state)| *state == OPEN)
        };
        let changes = self.changed_at?.points.iter().map(|(_, changed)| *changed);
        changes.filter(|at| (begin..end).contains(at)).find(|at| opening(*at)).map(|at| at - begin)
    }

    /// What a recovery that was to last for so long showed of a node that was hurt: whether errors ended and the breaker
    /// closed, and both lasted.
    pub(crate) fn recovery(&self, windows: &Windows, planned: Duration) -> Recovery {
        let last = |series: Option<&Series>| series?.points.last().copied();
        let (Some((seen_until, last_error)), Some((_, state)), Some((_, changed))) =
            (last(self.last_error_at), last(self.state), last(self.changed_at))
        else {
            return Recovery::Untold;
        };
        if windows.recovery.is_empty() || self.was_hurt(windows) != Some(true) {
            return Recovery::Untold;
        }
        let begin = windows.recovery.start;
        let recovered = begin.max(last_error).max(changed);
        let hold = HOLD.min(planned / PART_OF_RECOVERY).as_secs_f64();
        if state == CLOSED && seen_until - recovered >= hold {
            Recovery::After(recovered - begin)
        } else {
            Recovery::NotSeen
        }
    }

    /// Whether an operation failed or the breaker moved since testing began; `None` where one of them is not known and
    /// the other did not.
    pub(crate) fn was_hurt(&self, windows: &Windows) -> Option<bool> {
        let since = |series: Option<&Series>| Some(series?.points.last()?.1 >= windows.testing.start);
        match (since(self.last_error_at), since(self.changed_at)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            (None, _) | (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Window;

    const WINDOWS: Windows = Windows {
        stabilization: Window { start: 90.0, end: 100.0 },
        testing: Window { start: 100.0, end: 160.0 },
        on_until: 160.0,
        recovery: Window { start: 160.0, end: 220.0 },
    };
    const PLANNED: Duration = Duration::from_secs(60);

    fn series(points: &[(f64, f64)]) -> Series {
        Series { points: points.to_vec(), ..Series::default() }
    }

    #[test]
    fn times_are_exact_between_scrapes() {
        let changed = series(&[(99.0, 0.0), (101.0, 100.6), (106.0, 105.6), (166.0, 165.1), (221.0, 165.1)]);
        let state = series(&[(99.0, 0.0), (101.0, 2.0), (106.0, 1.0), (166.0, 0.0), (221.0, 0.0)]);
        let errors = series(&[(99.0, 0.0), (101.0, 100.9), (166.0, 165.0), (221.0, 165.0)]);
        let samples =
            Samples { changed_at: Some(&changed), state: Some(&state), last_error_at: Some(&errors) };
        let near =
            |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-6);
        assert!(near(samples.time_to_detect(&WINDOWS), 0.6));
        assert!(near(samples.recovery(&WINDOWS, PLANNED).seconds(), 5.1));
        assert_eq!(samples.was_hurt(&WINDOWS), Some(true));
        // An opening that is scraped after the half-open state is the first change all the same.
        let late = series(&[(99.0, 0.0), (106.0, 1.0), (221.0, 0.0)]);
        assert!(near(Samples { state: Some(&late), ..samples }.time_to_detect(&WINDOWS), 0.6));
    }

    #[test]
    fn what_does_not_last_is_no_recovery() {
        let quiet = series(&[(99.0, 0.0), (221.0, 0.0)]);
        let closed = Samples { changed_at: Some(&quiet), state: Some(&quiet), last_error_at: Some(&quiet) };
        assert_eq!(closed.time_to_detect(&WINDOWS), None);
        assert_eq!(closed.recovery(&WINDOWS, PLANNED), Recovery::Untold);
        assert_eq!(closed.was_hurt(&WINDOWS), Some(false));
        assert_eq!(Samples::default().was_hurt(&WINDOWS), None);
        let errors = series(&[(99.0, 0.0), (221.0, 150.0)]);
        let hurt = Samples { last_error_at: Some(&errors), ..closed };
        assert_eq!(hurt.recovery(&WINDOWS, PLANNED), Recovery::After(0.0));
        let open = series(&[(99.0, 0.0), (221.0, 2.0)]);
        assert_eq!(Samples { state: Some(&open), ..hurt }.recovery(&WINDOWS, PLANNED), Recovery::NotSeen);
        let relapse = series(&[(99.0, 0.0), (221.0, 217.0)]);
        let relapsed = Samples { last_error_at: Some(&relapse), ..closed };
        assert_eq!(relapsed.recovery(&WINDOWS, PLANNED), Recovery::NotSeen);
        assert_eq!(Samples::default().recovery(&WINDOWS, PLANNED), Recovery::Untold);
    }

    #[test]
    fn without_a_breaker_to_see_nothing_is_said_of_it() {
        let (quiet, errors) = (series(&[(99.0, 0.0), (221.0, 0.0)]), series(&[(99.0, 0.0), (221.0, 150.0)]));
        let unhurt = Samples { last_error_at: Some(&quiet), ..Samples::default() };
        assert_eq!(unhurt.was_hurt(&WINDOWS), None);
        let hurt = Samples { last_error_at: Some(&errors), ..Samples::default() };
        assert_eq!(hurt.was_hurt(&WINDOWS), Some(true));
        assert_eq!(hurt.recovery(&WINDOWS, PLANNED), Recovery::Untold);
    }

    #[test]
    fn a_recovery_that_was_cut_short_shows_what_lasted_as_long_as_in_a_whole_one() {
        let quiet = series(&[(99.0, 0.0), (166.0, 0.0)]);
        let cut = Windows { recovery: Window { start: 160.0, end: 166.0 }, ..WINDOWS };
        let after = |last_error: f64| {
            let errors = series(&[(99.0, 0.0), (166.0, last_error)]);
            let samples =
                Samples { changed_at: Some(&quiet), state: Some(&quiet), last_error_at: Some(&errors) };
            samples.recovery(&cut, PLANNED).so_far()
        };
        assert_eq!(after(160.5), Recovery::After(0.5));
        // In a phase that was to last 6 s a second would do.
        assert_eq!(after(161.5), Recovery::Untold);
    }
}
