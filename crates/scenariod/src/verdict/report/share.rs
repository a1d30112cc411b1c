//! Decides whether a fault on a share of the connections lasted, from the share of operations it affected at the start and at
//! the end of testing. Pure: counts are arguments.
//!
//! Toxiproxy decides at random for each connection whether it gets the fault, and does not report the result. A client that
//! closes a stalled connection opens another one, so in the end it may hold only connections without the fault.

use std::time::Duration;

use serde::Serialize;

use crate::fault::ConnectionEffect;
use crate::plan::Plan;
use crate::prometheus::Series;
use crate::scenario::Window;
use crate::scenario::timeline::{Course, Shape};
use crate::text::{format_ratio, format_share};

/// The length of each window, as a part of testing.
const WINDOW_PART: f64 = 0.2;
/// The minimum length of each window in scrapes.
const MIN_SCRAPES: u32 = 5;
/// A fault has died out below this part of its configured share.
const DIED_OUT: f64 = 0.1;
/// The quantile of the normal distribution for a 95% interval.
const Z: f64 = 1.959_964;
/// Failures that happen before an operation is sent, so they say nothing about connections.
const UNSENT: [&str; 3] = ["breaker_open", "pool_exhausted", "connect"];

/// A fault on a share of the connections of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PartialFault {
    pub(crate) server: String,
    pub(crate) share: f64,
    draw: Draw,
}

/// How the affected connections may change over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draw {
    /// The same connections for all of testing.
    Once,
    /// The fault ends its connections or changes over time, so the affected connections change by design.
    Moves,
}

/// What happened to a fault on a share of the connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ShareResult {
    pub(crate) server: String,
    /// The configured share of the connections, from 0 to 1.
    pub(crate) asked: f64,
    /// `None` if no operation was sent, or there is no data.
    pub(crate) at_start: Option<AffectedShare>,
    pub(crate) at_end: Option<AffectedShare>,
    pub(crate) result: Persistence,
}

/// Whether the fault still had an effect at the end of testing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Persistence {
    Lasted,
    DiedOut,
    /// No operation was slow or failed from the start: the fault is too weak, or it died out at once.
    Unseen,
    Unknown,
    /// The affected connections change by design.
    NotJudged,
}

/// The share of sent operations that were slow or failed, with its 95% Wilson interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct AffectedShare {
    pub(crate) operations: f64,
    pub(crate) affected: f64,
    pub(crate) share: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Operation counts of one window by `server`; `failed` by `type` as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct WindowCounts {
    pub(crate) sent: Vec<Series>,
    pub(crate) quick: Vec<Series>,
    pub(crate) failed: Vec<Series>,
}

/// The faults of a plan that affect a share of the connections. If a node has several, only the one with the largest share.
pub(crate) fn partial_faults(plan: &Plan) -> Vec<PartialFault> {
    let mut all: Vec<PartialFault> = Vec::new();
    for assigned in plan.faults.iter().filter(|assigned| assigned.share.get() < 1.0) {
        let Course { fault, shape } = &assigned.course;
        let moves = fault.effect_on_connections() == ConnectionEffect::End || *shape != Shape::Constant;
        let draw = if moves { Draw::Moves } else { Draw::Once };
        let asked = PartialFault { server: assigned.server.clone(), share: assigned.share.get(), draw };
        match all.iter_mut().find(|other| other.server == asked.server) {
            Some(other) if other.share < asked.share => *other = asked,
            Some(_) => {}
            None => all.push(asked),
        }
    }
    all
}

/// The first and the last part of testing. `None` if testing is too short.
pub(crate) fn windows(testing: Window, interval: Duration) -> Option<[Window; 2]> {
    let length = testing.end - testing.start;
    let interval = interval.as_secs_f64();
    let part = (length * WINDOW_PART).max(interval * f64::from(MIN_SCRAPES)).min(length / 2.0);
    let first = Window { end: testing.start + part, ..testing };
    let last = Window { start: testing.end - part, ..testing };
    (part > interval).then_some([first, last])
}

/// What happened to a fault, from the counts of both windows.
pub(crate) fn share_result(fault: &PartialFault, counts: Option<&[WindowCounts; 2]>) -> ShareResult {
    let [at_start, at_end] = match counts {
        Some(counts) => counts.each_ref().map(|counts| affected_share(&fault.server, counts)),
        None => [None, None],
    };
    let result = match (fault.draw, at_start, at_end) {
        (Draw::Moves, ..) => Persistence::NotJudged,
        (Draw::Once, Some(start), Some(end)) => persistence(fault.share, &start, &end),
        (Draw::Once, ..) => Persistence::Unknown,
    };
    ShareResult { server: fault.server.clone(), asked: fault.share, at_start, at_end, result }
}

/// A fast connection carries more operations than a slow one, so a small share at the end is no proof by itself. It must also
/// be smaller than at the start.
fn persistence(configured: f64, start: &AffectedShare, end: &AffectedShare) -> Persistence {
    if start.is_zero() && end.is_zero() {
        Persistence::Unseen
    } else if end.is_zero() || end.high < (configured * DIED_OUT).min(start.low) {
        Persistence::DiedOut
    } else {
        Persistence::Lasted
    }
}

/// The client does not export which operations were both slow and failed. The larger of the two counts is used, so that no
/// operation counts twice.
fn affected_share(server: &str, counts: &WindowCounts) -> Option<AffectedShare> {
    let sum = |all: &[Series]| -> Option<f64> {
        let of_node = all
            .iter()
            .filter(|series| series.label("server") == server && !UNSENT.contains(&series.label("type")));
        let values: Vec<f64> = of_node.filter_map(|series| Some(series.points.last()?.1)).collect();
        // A negative count means that the counter was reset.
        (!values.is_empty() && values.iter().all(|value| *value >= 0.0)).then(|| values.iter().sum())
    };
    let (sent, quick, failed) = (sum(&counts.sent)?, sum(&counts.quick)?, sum(&counts.failed)?);
    wilson_interval((sent - quick).max(failed).clamp(0.0, sent), sent)
}

/// Computes Wilson's interval. `None` without operations.
fn wilson_interval(affected: f64, operations: f64) -> Option<AffectedShare> {
    if operations < 1.0 {
        return None;
    }
    let share = affected / operations;
    let spread = Z * Z / operations;
    let middle = (share + spread / 2.0) / (1.0 + spread);
    let half = (share * (1.0 - share) * spread + spread * spread / 4.0).sqrt() / (1.0 + spread);
    // At its ends the interval is exactly 0 or 1, which rounding would miss.
    let low = if affected > 0.0 { (middle - half).max(0.0) } else { 0.0 };
    let high = if affected < operations { (middle + half).min(1.0) } else { 1.0 };
    Some(AffectedShare { operations, affected, share, low, high })
}

impl AffectedShare {
    /// No operation was affected.
    fn is_zero(&self) -> bool {
        self.affected < 1.0
    }
}

impl ShareResult {
    /// Why the run has no verdict, if this fault is the reason.
    pub(crate) fn doubt(&self) -> Option<String> {
        match self.result {
            Persistence::Lasted | Persistence::NotJudged => None,
            Persistence::DiedOut => Some(format!("the fault on a share of {} died out", self.server)),
            Persistence::Unseen => {
                Some(format!("the fault on a share of {} slowed or failed no operation", self.server))
            }
            Persistence::Unknown => {
                Some(format!("cannot tell whether the fault on a share of {} lasted", self.server))
            }
        }
    }

    /// One line of a report.
    pub(crate) fn describe(&self) -> String {
        let word = match self.result {
            Persistence::Lasted => "lasted",
            Persistence::DiedOut => "died out",
            Persistence::Unseen => "unseen",
            Persistence::Unknown => "unknown",
            Persistence::NotJudged => "not judged, as the affected connections change by design",
        };
        let format_affected = |affected: Option<AffectedShare>| match affected {
            Some(AffectedShare { share, low, high, .. }) => {
                format!("{} ({} to {})", format_ratio(share), format_ratio(low), format_ratio(high))
            }
            None => "unknown".to_owned(),
        };
        format!(
            "{}: fault on {} of the connections: share of slow or failed operations {} at the start of testing, {} at its end: {word}",
            self.server,
            format_share(self.asked),
            format_affected(self.at_start),
            format_affected(self.at_end),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(label: Option<&str>, value: f64) -> Series {
        let labels = [("server", Some("a")), ("type", label)];
        let labels =
            labels.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
        Series { labels: labels.collect(), points: vec![(1.0, value)] }
    }

    fn counts(sent: f64, slow: f64, failed: f64) -> WindowCounts {
        WindowCounts {
            sent: vec![series(None, sent)],
            quick: vec![series(None, sent - slow)],
            failed: vec![series(Some("io"), failed), series(Some("breaker_open"), 5_000.0)],
        }
    }

    fn once(share: f64) -> PartialFault {
        PartialFault { server: "a".to_owned(), share, draw: Draw::Once }
    }

    fn result(share: f64, start: WindowCounts, end: WindowCounts) -> Persistence {
        share_result(&once(share), Some(&[start, end])).result
    }

    #[test]
    fn the_interval_matches_published_tables() {
        for (affected, operations, low, high) in [
            (0.0, 10.0, 0.0, 0.2775),
            (1.0, 10.0, 0.0179, 0.4042),
            (50.0, 100.0, 0.4038, 0.5962),
            (10.0, 10.0, 0.7225, 1.0),
        ] {
            let found = wilson_interval(affected, operations).unwrap();
            assert!((found.low - low).abs() < 1e-4 && (found.high - high).abs() < 1e-4, "{found:?}");
        }
        assert_eq!(wilson_interval(0.0, 0.0), None);
    }

    #[test]
    fn a_fault_has_died_out_at_zero_or_below_a_tenth_and_below_its_start() {
        let start = || counts(1_000.0, 300.0, 10.0);
        assert_eq!(result(0.3, start(), counts(1_000.0, 290.0, 0.0)), Persistence::Lasted);
        assert_eq!(result(0.3, start(), counts(10_000.0, 200.0, 0.0)), Persistence::DiedOut);
        // With so few operations, the true share may be a tenth.
        assert_eq!(result(0.3, start(), counts(100.0, 2.0, 0.0)), Persistence::Lasted);
        // The affected connections were seldom used from the start, and still are.
        assert_eq!(
            result(0.3, counts(10_000.0, 150.0, 0.0), counts(10_000.0, 130.0, 0.0)),
            Persistence::Lasted
        );
        assert_eq!(
            result(0.3, counts(10_000.0, 150.0, 0.0), counts(10_000.0, 50.0, 0.0)),
            Persistence::DiedOut
        );
        assert_eq!(result(0.3, start(), counts(20.0, 0.0, 0.0)), Persistence::DiedOut);
        // A failed operation is affected, one that was never sent is not.
        assert_eq!(result(0.3, start(), counts(1_000.0, 0.0, 250.0)), Persistence::Lasted);
        assert_eq!(result(0.3, counts(1_000.0, 0.0, 0.0), counts(1_000.0, 0.0, 0.0)), Persistence::Unseen);
    }

    #[test]
    fn without_counts_the_result_is_unknown() {
        let start = || counts(1_000.0, 300.0, 10.0);
        assert_eq!(share_result(&once(0.3), None).result, Persistence::Unknown);
        assert_eq!(result(0.3, start(), WindowCounts::default()), Persistence::Unknown);
        assert_eq!(result(0.3, start(), counts(0.0, 0.0, 0.0)), Persistence::Unknown, "none was sent");
        assert_eq!(
            result(0.3, start(), counts(-5.0, 0.0, 0.0)),
            Persistence::Unknown,
            "the counter was reset"
        );
        let moves = PartialFault { draw: Draw::Moves, ..once(0.3) };
        let end = share_result(&moves, Some(&[start(), counts(1_000.0, 0.0, 0.0)]));
        assert_eq!((end.result, end.doubt()), (Persistence::NotJudged, None));
    }

    #[test]
    fn windows_are_a_fifth_of_testing_and_at_least_five_scrapes() {
        let part = |length: f64, interval| {
            let testing = Window { start: 100.0, end: 100.0 + length };
            let [first, last] = windows(testing, Duration::from_secs(interval))?;
            assert_eq!((first.start, last.end), (testing.start, testing.end));
            assert!(first.end <= last.start);
            Some(first.end - first.start)
        };
        assert_eq!(part(60.0, 1), Some(12.0));
        assert_eq!(part(20.0, 1), Some(5.0));
        assert_eq!(part(6.0, 1), Some(3.0));
        assert_eq!(part(2.0, 1), None);
    }

    #[test]
    fn the_description_has_both_shares_and_the_result() {
        let found = share_result(&once(0.3), Some(&[counts(1_000.0, 250.0, 0.0), counts(1_000.0, 0.0, 0.0)]));
        assert_eq!(
            found.describe(),
            "a: fault on 30% of the connections: share of slow or failed operations 25.0% (22.4% to 27.8%) at the start of testing, 0% (0% to 0.4%) at its end: died out"
        );
        assert_eq!(found.doubt().as_deref(), Some("the fault on a share of a died out"));
    }
}
