//! Whether a fault on a share of the connections lasted: the share of operations it affected at the start and at the end of
//! testing, with intervals. Pure: counts are arguments.
//!
//! Toxiproxy draws once for each connection and tells nobody. A client that closes a connection which stalled dials another
//! one and draws again, so that in the end it may hold only connections without the fault.

use std::time::Duration;

use serde::Serialize;

use crate::fault::ConnectionEffect;
use crate::plan::Plan;
use crate::prometheus::Series;
use crate::scenario::Window;
use crate::scenario::timeline::{Course, Shape};
use crate::text::format_ratio;

/// Of testing, each of the two windows.
const PART: f64 = 0.2;
/// And at least so many scrapes, as a rate needs.
const SCRAPES: u32 = 5;
/// A fault has died out below this part of what was asked for.
const DIED_OUT: f64 = 0.1;
/// Of the normal distribution, for 95%.
const Z: f64 = 1.959_964;
/// Failures without a connection say nothing about connections.
const UNSENT: [&str; 3] = ["breaker_open", "pool_exhausted", "connect"];

/// A fault that is meant for a share of a node's connections.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) server: String,
    pub(crate) share: f64,
    draw: Draw,
}

/// What can be expected of a draw over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Draw {
    /// One for the whole of testing.
    Once,
    /// The fault ends its connections or changes over time: what is affected moves by design.
    Moves,
}

/// What became of one of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Survival {
    pub(crate) server: String,
    /// Share of the connections, from 0 to 1.
    pub(crate) asked: f64,
    /// `None` where no operation was sent, or nothing is known.
    pub(crate) at_start: Option<Affected>,
    pub(crate) at_end: Option<Affected>,
    pub(crate) result: Lasting,
}

/// Whether the fault was still there at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lasting {
    Lasted,
    DiedOut,
    /// Nothing was slow or failed, from the start: too weak a fault, or one that died out at once.
    Unseen,
    Unknown,
    /// Of a fault that moves by design.
    NotJudged,
}

/// Operations that were slow or failed, of those that were sent. The interval is Wilson's, at 95%.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Affected {
    pub(crate) operations: f64,
    pub(crate) affected: f64,
    pub(crate) share: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Answers about one window, by `server`; the failed ones by `type` as well.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: Vec<Series>,
    pub(crate) quick: Vec<Series>,
    pub(crate) failed: Vec<Series>,
}

/// The nodes of a plan where only a share of the connections is meant, with the largest share of each.
pub(crate) fn asked(plan: &Plan) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    for assigned in plan.faults.iter().filter(|assigned| assigned.share.get() < 1.0) {
        let Course { fault, shape } = &assigned.course;
        let moves = fault.effect_on_connections() == ConnectionEffect::End || *shape != Shape::Constant;
        let draw = if moves { Draw::Moves } else { Draw::Once };
        let asked = Asked { server: assigned.server.clone(), share: assigned.share.get(), draw };
        match all.iter_mut().find(|other| other.server == asked.server) {
            Some(other) if other.share < asked.share => *other = asked,
            Some(_) => {}
            None => all.push(asked),
        }
    }
    all
}

/// The first and the last part of testing; `None` where it is too short to tell them apart.
pub(crate) fn windows(testing: Window, interval: Duration) -> Option<[Window; 2]> {
    let length = testing.end - testing.start;
    let interval = interval.as_secs_f64();
    let part = (length * PART).max(interval * f64::from(SCRAPES)).min(length / 2.0);
    let first = Window { end: testing.start + part, ..testing };
    let last = Window { start: testing.end - part, ..testing };
    (part > interval).then_some([first, last])
}

/// What became of a fault, by the counts of both windows.
pub(crate) fn survival(asked: &Asked, counts: Option<&[Counts; 2]>) -> Survival {
    let [at_start, at_end] = match counts {
        Some(counts) => counts.each_ref().map(|counts| affected(&asked.server, counts)),
        None => [None, None],
    };
    let result = match (asked.draw, at_start, at_end) {
        (Draw::Moves, ..) => Lasting::NotJudged,
        (Draw::Once, Some(start), Some(end)) => lasting(asked.share, &start, &end),
        (Draw::Once, ..) => Lasting::Unknown,
    };
    Survival { server: asked.server.clone(), asked: asked.share, at_start, at_end, result }
}

/// A connection without the fault carries more operations than one that is slow, so that a small share alone proves nothing:
/// it has to be smaller than it was.
fn lasting(asked: f64, start: &Affected, end: &Affected) -> Lasting {
    if start.is_nothing() && end.is_nothing() {
        Lasting::Unseen
    } else if end.is_nothing() || end.high < (asked * DIED_OUT).min(start.low) {
        Lasting::DiedOut
    } else {
        Lasting::Lasted
    }
}

/// Which operations were both slow and failed is not exported: the larger of the two counts, so that none counts twice.
fn affected(server: &str, counts: &Counts) -> Option<Affected> {
    let sum = |all: &[Series]| -> Option<f64> {
        let of_node = all
            .iter()
            .filter(|series| series.label("server") == server && !UNSENT.contains(&series.label("type")));
        let values: Vec<f64> = of_node.filter_map(|series| Some(series.points.last()?.1)).collect();
        // A counter that was reset in between has no count.
        (!values.is_empty() && values.iter().all(|value| *value >= 0.0)).then(|| values.iter().sum())
    };
    let (sent, quick, failed) = (sum(&counts.sent)?, sum(&counts.quick)?, sum(&counts.failed)?);
    wilson((sent - quick).max(failed).clamp(0.0, sent), sent)
}

/// Wilson's interval; `None` of nothing.
fn wilson(affected: f64, operations: f64) -> Option<Affected> {
    if operations < 1.0 {
        return None;
    }
    let share = affected / operations;
    let spread = Z * Z / operations;
    let middle = (share + spread / 2.0) / (1.0 + spread);
    let half = (share * (1.0 - share) * spread + spread * spread / 4.0).sqrt() / (1.0 + spread);
    // At the ends the interval reaches 0 or 1 exactly, which rounding would miss.
    let low = if affected > 0.0 { (middle - half).max(0.0) } else { 0.0 };
    let high = if affected < operations { (middle + half).min(1.0) } else { 1.0 };
    Some(Affected { operations, affected, share, low, high })
}

impl Affected {
    /// Not one operation: zero lies in the interval.
    fn is_nothing(&self) -> bool {
        self.affected < 1.0
    }
}

impl Survival {
    /// What keeps a run from a verdict, if this does.
    pub(crate) fn doubt(&self) -> Option<String> {
        match self.result {
            Lasting::Lasted | Lasting::NotJudged => None,
            Lasting::DiedOut => Some(format!("the fault on a share of {} died out", self.server)),
            Lasting::Unseen => {
                Some(format!("the fault on a share of {} made nothing slow and nothing fail", self.server))
            }
            Lasting::Unknown => {
                Some(format!("whether the fault on a share of {} lasted is not known", self.server))
            }
        }
    }

    /// One line of a report.
    pub(crate) fn describe(&self) -> String {
        let word = match self.result {
            Lasting::Lasted => "lasted",
            Lasting::DiedOut => "died out",
            Lasting::Unseen => "unseen",
            Lasting::Unknown => "unknown",
            Lasting::NotJudged => "not judged, it moves by design",
        };
        let text = |affected: Option<Affected>| match affected {
            Some(Affected { share, low, high, .. }) => {
                format!("{} ({} to {})", format_ratio(share), format_ratio(low), format_ratio(high))
            }
            None => "unknown".to_owned(),
        };
        format!(
            "{}: fault on {} of the connections: of the operations sent, {} were slow or failed at the start of testing, {} at its end: {word}",
            self.server,
            format_ratio(self.asked),
            text(self.at_start),
            text(self.at_end),
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

    fn counts(sent: f64, slow: f64, failed: f64) -> Counts {
        Counts {
            sent: vec![series(None, sent)],
            quick: vec![series(None, sent - slow)],
            failed: vec![series(Some("io"), failed), series(Some("breaker_open"), 5_000.0)],
        }
    }

    fn once(share: f64) -> Asked {
        Asked { server: "a".to_owned(), share, draw: Draw::Once }
    }

    fn result(share: f64, start: Counts, end: Counts) -> Lasting {
        survival(&once(share), Some(&[start, end])).result
    }

    #[test]
    fn the_interval_is_wilsons() {
        // As in any table of it.
        for (affected, operations, low, high) in [
            (0.0, 10.0, 0.0, 0.2775),
            (1.0, 10.0, 0.0179, 0.4042),
            (50.0, 100.0, 0.4038, 0.5962),
            (10.0, 10.0, 0.7225, 1.0),
        ] {
            let found = wilson(affected, operations).unwrap();
            assert!((found.low - low).abs() < 1e-4 && (found.high - high).abs() < 1e-4, "{found:?}");
        }
        assert_eq!(wilson(0.0, 0.0), None);
    }

    #[test]
    fn a_draw_dies_out_at_nothing_or_below_a_tenth_and_below_its_start() {
        let start = || counts(1_000.0, 300.0, 10.0);
        assert_eq!(result(0.3, start(), counts(1_000.0, 290.0, 0.0)), Lasting::Lasted);
        assert_eq!(result(0.3, start(), counts(10_000.0, 200.0, 0.0)), Lasting::DiedOut);
        // So few could as well be a tenth.
        assert_eq!(result(0.3, start(), counts(100.0, 2.0, 0.0)), Lasting::Lasted);
        // Seldom used from the start on, and still there.
        assert_eq!(result(0.3, counts(10_000.0, 150.0, 0.0), counts(10_000.0, 130.0, 0.0)), Lasting::Lasted);
        assert_eq!(result(0.3, counts(10_000.0, 150.0, 0.0), counts(10_000.0, 50.0, 0.0)), Lasting::DiedOut);
        assert_eq!(result(0.3, start(), counts(20.0, 0.0, 0.0)), Lasting::DiedOut);
        // What failed at once is affected as well; what was never sent is not.
        assert_eq!(result(0.3, start(), counts(1_000.0, 0.0, 250.0)), Lasting::Lasted);
        assert_eq!(result(0.3, counts(1_000.0, 0.0, 0.0), counts(1_000.0, 0.0, 0.0)), Lasting::Unseen);
    }

    #[test]
    fn what_cannot_be_counted_is_unknown() {
        let start = || counts(1_000.0, 300.0, 10.0);
        assert_eq!(survival(&once(0.3), None).result, Lasting::Unknown);
        assert_eq!(result(0.3, start(), Counts::default()), Lasting::Unknown);
        assert_eq!(result(0.3, start(), counts(0.0, 0.0, 0.0)), Lasting::Unknown, "none was sent");
        assert_eq!(result(0.3, start(), counts(-5.0, 0.0, 0.0)), Lasting::Unknown, "the counter was reset");
        let moves = Asked { draw: Draw::Moves, ..once(0.3) };
        let end = survival(&moves, Some(&[start(), counts(1_000.0, 0.0, 0.0)]));
        assert_eq!((end.result, end.doubt()), (Lasting::NotJudged, None));
    }

    #[test]
    fn windows_are_a_fifth_and_long_enough_for_a_rate() {
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
    fn the_line_says_both_shares_and_what_follows() {
        let found = survival(&once(0.3), Some(&[counts(1_000.0, 250.0, 0.0), counts(1_000.0, 0.0, 0.0)]));
        assert_eq!(
            found.describe(),
            "a: fault on 30.0% of the connections: of the operations sent, 25.0% (22.4% to 27.8%) were slow or failed at the start of testing, 0% (0% to 0.4%) at its end: died out"
        );
        assert_eq!(found.doubt().as_deref(), Some("the fault on a share of a died out"));
    }
}
