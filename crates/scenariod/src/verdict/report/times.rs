//! Time to detect and time to recover of a node. They come from timestamps that the client exports, so they do not depend on
//! the scrape interval. Pure.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::prometheus::Series;
use crate::scenario::Windows;

/// A node has recovered if no error follows for this long, or for this part of a short recovery phase.
const QUIET: Duration = Duration::from_secs(5);
const QUIET_PART: u32 = 6;
/// Values of the breaker's state gauge.
const CLOSED: f64 = 0.0;
const OPEN: f64 = 2.0;

/// Whether a node recovered from the fault.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Recovery {
    /// Seconds after the start of the recovery phase.
    After(f64),
    /// Not during the recovery phase.
    NotSeen,
    /// The node was not hurt, or there is too little data.
    #[default]
    Unknown,
}

impl Recovery {
    /// For a run that ended early: the node might have recovered later.
    pub(crate) fn so_far(self) -> Recovery {
        match self {
            Recovery::NotSeen => Recovery::Unknown,
            other => other,
        }
    }

    pub(crate) fn seconds(self) -> Option<f64> {
        match self {
            Recovery::After(seconds) => Some(seconds),
            Recovery::NotSeen | Recovery::Unknown => None,
        }
    }
}

impl Serialize for Recovery {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.seconds().serialize(serializer)
    }
}

/// Samples of one node over the whole run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NodeSamples<'a> {
    pub(crate) changed_at: Option<&'a Series>,
    pub(crate) state: Option<&'a Series>,
    pub(crate) last_error_at: Option<&'a Series>,
}

impl NodeSamples<'_> {
    /// From the start of testing until the breaker opened.
    pub(crate) fn time_to_detect(&self, windows: &Windows) -> Option<f64> {
        let (begin, end) = (windows.testing.start, windows.testing.end);
        let state = &self.state?.points;
        let was_closed = state.iter().rfind(|(at, _)| *at <= begin).is_none_or(|(_, state)| *state == CLOSED);
        // The first change of a closed breaker is its opening, even if the scrape only saw the state after a second change.
        let opening = |at: f64| {
            was_closed || state.iter().find(|(time, _)| *time >= at).is_some_and(|(_, state)| *state == OPEN)
        };
        let changes = self.changed_at?.points.iter().map(|(_, changed)| *changed);
        changes.filter(|at| (begin..end).contains(at)).find(|at| opening(*at)).map(|at| at - begin)
    }

    /// Whether the errors of a hurt node ended and its breaker closed, and both lasted. `planned` is the planned length of
    /// the recovery phase.
    pub(crate) fn recovery(&self, windows: &Windows, planned: Duration) -> Recovery {
        let last = |series: Option<&Series>| series?.points.last().copied();
        let (Some((seen_until, last_error)), Some((_, state)), Some((_, changed))) =
            (last(self.last_error_at), last(self.state), last(self.changed_at))
        else {
            return Recovery::Unknown;
        };
        if windows.recovery.is_empty() || self.was_hurt(windows) != Some(true) {
            return Recovery::Unknown;
        }
        let begin = windows.recovery.start;
        let recovered = begin.max(last_error).max(changed);
        let quiet = QUIET.min(planned / QUIET_PART).as_secs_f64();
        if state == CLOSED && seen_until - recovered >= quiet {
            Recovery::After(recovered - begin)
        } else {
            Recovery::NotSeen
        }
    }

    /// Whether an operation failed or the breaker changed state since testing began. `None` if one is not known and the
    /// other did not happen.
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
    fn times_do_not_depend_on_the_scrapes() {
        let changed = series(&[(99.0, 0.0), (101.0, 100.6), (106.0, 105.6), (166.0, 165.1), (221.0, 165.1)]);
        let state = series(&[(99.0, 0.0), (101.0, 2.0), (106.0, 1.0), (166.0, 0.0), (221.0, 0.0)]);
        let errors = series(&[(99.0, 0.0), (101.0, 100.9), (166.0, 165.0), (221.0, 165.0)]);
        let samples =
            NodeSamples { changed_at: Some(&changed), state: Some(&state), last_error_at: Some(&errors) };
        let near =
            |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-6);
        assert!(near(samples.time_to_detect(&WINDOWS), 0.6));
        assert!(near(samples.recovery(&WINDOWS, PLANNED).seconds(), 5.1));
        assert_eq!(samples.was_hurt(&WINDOWS), Some(true));
        // The opening is the first change even if the scrape only saw the half-open state.
        let late = series(&[(99.0, 0.0), (106.0, 1.0), (221.0, 0.0)]);
        assert!(near(NodeSamples { state: Some(&late), ..samples }.time_to_detect(&WINDOWS), 0.6));
    }

    #[test]
    fn a_recovery_must_last() {
        let quiet = series(&[(99.0, 0.0), (221.0, 0.0)]);
        let closed =
            NodeSamples { changed_at: Some(&quiet), state: Some(&quiet), last_error_at: Some(&quiet) };
        assert_eq!(closed.time_to_detect(&WINDOWS), None);
        assert_eq!(closed.recovery(&WINDOWS, PLANNED), Recovery::Unknown);
        assert_eq!(closed.was_hurt(&WINDOWS), Some(false));
        assert_eq!(NodeSamples::default().was_hurt(&WINDOWS), None);
        let errors = series(&[(99.0, 0.0), (221.0, 150.0)]);
        let hurt = NodeSamples { last_error_at: Some(&errors), ..closed };
        assert_eq!(hurt.recovery(&WINDOWS, PLANNED), Recovery::After(0.0));
        let open = series(&[(99.0, 0.0), (221.0, 2.0)]);
        assert_eq!(NodeSamples { state: Some(&open), ..hurt }.recovery(&WINDOWS, PLANNED), Recovery::NotSeen);
        let relapse = series(&[(99.0, 0.0), (221.0, 217.0)]);
        let relapsed = NodeSamples { last_error_at: Some(&relapse), ..closed };
        assert_eq!(relapsed.recovery(&WINDOWS, PLANNED), Recovery::NotSeen);
        assert_eq!(NodeSamples::default().recovery(&WINDOWS, PLANNED), Recovery::Unknown);
    }

    #[test]
    fn without_breaker_samples_recovery_is_unknown() {
        let (quiet, errors) = (series(&[(99.0, 0.0), (221.0, 0.0)]), series(&[(99.0, 0.0), (221.0, 150.0)]));
        let unhurt = NodeSamples { last_error_at: Some(&quiet), ..NodeSamples::default() };
        assert_eq!(unhurt.was_hurt(&WINDOWS), None);
        let hurt = NodeSamples { last_error_at: Some(&errors), ..NodeSamples::default() };
        assert_eq!(hurt.was_hurt(&WINDOWS), Some(true));
        assert_eq!(hurt.recovery(&WINDOWS, PLANNED), Recovery::Unknown);
    }

    #[test]
    fn a_recovery_phase_that_was_cut_short_needs_the_same_quiet_time() {
        let quiet = series(&[(99.0, 0.0), (166.0, 0.0)]);
        let cut = Windows { recovery: Window { start: 160.0, end: 166.0 }, ..WINDOWS };
        let after = |last_error: f64| {
            let errors = series(&[(99.0, 0.0), (166.0, last_error)]);
            let samples =
                NodeSamples { changed_at: Some(&quiet), state: Some(&quiet), last_error_at: Some(&errors) };
            samples.recovery(&cut, PLANNED).so_far()
        };
        assert_eq!(after(160.5), Recovery::After(0.5));
        // If the phase had been planned as 6 s, one second would be enough.
        assert_eq!(after(161.5), Recovery::Unknown);
    }
}
