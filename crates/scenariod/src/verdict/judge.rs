//! Judges one expectation over what Prometheus returned for it. Pure: samples, times and the state of scrapes are
//! arguments. No data, old data and data of a node that is missing are inconclusive, never a pass.

pub(crate) mod ahead;
pub(crate) mod evidence;
pub(crate) mod overall;
pub(crate) mod stop;

use std::time::Duration;

use metrics_core::labels::Finding;

use crate::prometheus::Grid;
use crate::scenario::expectation::{Bounds, Expectation, Must, Subject};
use crate::scenario::{During, UNDER_WAY, Windows};
use crate::text::format_duration;
use evidence::{Evidence, Point, SLACK, mean};

/// What is found of one expectation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// `None`: it does not apply to this run.
    pub(crate) finding: Option<Finding>,
    pub(crate) reason: String,
    /// The moment that decided against it, by series and seconds into the phase.
    pub(crate) decided: Option<(String, f64)>,
}

impl Judged {
    fn new(finding: Option<Finding>, reason: impl Into<String>) -> Judged {
        Judged { finding, reason: reason.into(), decided: None }
    }

    fn pass(reason: impl Into<String>) -> Judged {
        Judged::new(Some(Finding::Pass), reason)
    }

    fn fail(reason: impl Into<String>) -> Judged {
        Judged::new(Some(Finding::Fail), reason)
    }

    pub(crate) fn inconclusive(reason: impl Into<String>) -> Judged {
        Judged::new(Some(Finding::Inconclusive), reason)
    }

    pub(crate) fn not_applicable(reason: impl Into<String>) -> Judged {
        Judged::new(None, reason)
    }
}

/// Where to evaluate an expectation.
pub(crate) fn grid(expectation: &Expectation, windows: &Windows, interval: Duration) -> Grid {
    let step = interval.as_secs_f64();
    let phase = windows.of(expectation.during);
    let begin = match expectation.must {
        Must::Compare(_) => windows.of(During::Stabilization).start,
        Must::Always | Must::Never | Must::Sometime | Must::AtEnd | Must::Within(_) => phase.start,
    };
    let last = last(expectation.during, windows, step);
    let steps = ((last - begin) / step).floor().max(0.0);
    Grid { first: last - steps * step, last, step }
}

/// Nothing changes behind the last phase, and the scrape that follows it is waited for: it shows how the phase ended.
fn last(during: During, windows: &Windows, step: f64) -> f64 {
    match during {
        During::Stabilization => windows.stabilization.end,
        During::Testing => windows.on_until,
        During::Recovery | During::Run => windows.recovery.end + step,
    }
}

/// `planned`: how long the phase was to last.
pub(crate) fn judge(
    expectation: &Expectation,
    windows: &Windows,
    evidence: &Evidence<'_>,
    planned: Duration,
) -> Judged {
    let judged = decide(expectation, windows, evidence, planned);
    let trouble = match expectation.subject {
        Subject::Client => return judged,
        Subject::Fault => "the fault did nothing that shows",
        Subject::Baseline => "nothing that follows can be laid to the fault",
    };
    match judged.finding {
        Some(Finding::Fail) => {
            let reason = format!("{trouble}: {}", judged.reason);
            Judged { decided: judged.decided, ..Judged::inconclusive(reason) }
        }
        Some(Finding::Pass | Finding::Inconclusive) | None => judged,
    }
}

fn decide(
    expectation: &Expectation,
    windows: &Windows,
    evidence: &Evidence<'_>,
    planned: Duration,
) -> Judged {
    let interval = evidence.health.interval.as_secs_f64();
    let phase = windows.of(expectation.during);
    let looks_back = expectation.query.lookback(evidence.health.interval);
    let lookback = looks_back.as_secs_f64();
    let last = last(expectation.during, windows, interval);
    // From here on, an answer is about this phase alone.
    let settled = (phase.start + lookback).min(last);
    if unsettled(expectation, last - phase.start, looks_back) {
        let length = phase.end.min(last) - phase.start;
        return Judged::inconclusive(format!(
            "the phase lasted {length:.1} s, the query looks back on {lookback:.1} s"
        ));
    }
    if let Must::Within(limit) = expectation.must
        && planned < limit
    {
        return Judged::inconclusive(format!(
            "the phase ({}) is shorter than what the expectation allows ({})",
            format_duration(planned),
            format_duration(limit)
        ));
    }
    if evidence.series.is_empty() {
        return Judged::inconclusive(evidence.health.trouble(last).unwrap_or("no data"));
    }
    if let Some(node) = evidence.missing_node() {
        return Judged::inconclusive(format!("no data of {node}"));
    }
    let from = |begin: f64| evidence.points(begin, last, phase.start);
    match expectation.must {
        Must::Always if before_the_fault(expectation) => {
            let known = |point: &Point| point.offset >= lookback - SLACK || point.truth().is_some();
            let points: Vec<Point> = from(settled - interval).into_iter().filter(known).collect();
            hold(&points, true, "always, seen from")
        }
        Must::Always => hold(&from(settled), true, "always, seen from"),
        Must::Never => hold(&from(settled), false, "never, seen from"),
        // What happened in the first moments shows only in answers that look back beyond them.
        Must::Sometime => once(&from(phase.start + interval)),
        Must::AtEnd => hold(&from(last), true, "held at"),
        Must::Within(limit) => {
            let due = (phase.start + limit.as_secs_f64() + interval).min(last).max(settled);
            within(&from(due), &from(phase.start))
        }
        Must::Compare(bounds) => {
            let base = windows.of(During::Stabilization);
            let settled_base = (base.start + lookback).min(base.end - interval);
            let before = evidence.points(settled_base, base.end, base.start);
            compare(&before, &from(settled), bounds)
        }
    }
}

/// Whether no answer is about its phase alone, where the last one is evaluated so many seconds into the phase. One with some
/// milliseconds of the phase before it is: testing is judged short by them, also where it is as long as the query looks back on.
fn unsettled(expectation: &Expectation, last: f64, lookback: Duration) -> bool {
    lookback.as_secs_f64() - UNDER_WAY > last + SLACK && expectation.must != Must::Sometime
}

/// A rate counts from its first sample on, so that one that lies wholly inside a phase misses what led up to that sample. Of the
/// phase before the fault nothing may be missed: it begins one scrape earlier, where there is data.
fn before_the_fault(expectation: &Expectation) -> bool {
    expectation.subject == Subject::Baseline
        && expectation.during == During::Stabilization
        && expectation.must == Must::Always
}

/// Every point has to be `wanted`. One that is not decides, whatever is unknown about the others.
fn hold(points: &[Point], wanted: bool, word: &str) -> Judged {
    let wrong = points.iter().find(|point| point.truth() == Some(!wanted));
    if let Some(point) = wrong {
        let reason = format!("{} at {}", if wanted { "false" } else { "true" }, point.place());
        return Judged { decided: Some((point.series.to_owned(), point.offset)), ..Judged::fail(reason) };
    }
    match unknown(points) {
        Some(judged) => judged,
        None => {
            Judged::pass(points.first().map_or_else(String::new, |first| format!("{word} {}", first.at())))
        }
    }
}

/// One point of each series has to be true.
fn once(points: &[Point]) -> Judged {
    let held =
        |series: &str| points.iter().find(|point| point.series == series && point.truth() == Some(true));
    let missing = points.iter().find(|point| held(point.series).is_none());
    match (missing, points.first().and_then(|first| held(first.series))) {
        (None, Some(point)) => Judged::pass(format!("true at {}", point.place())),
        _ => {
            let rest: Vec<Point> =
                points.iter().filter(|point| held(point.series).is_none()).copied().collect();
            unknown(&rest).unwrap_or_else(|| {
                Judged::fail(format!("at no time for {}", missing.map_or("any", |point| point.series)))
            })
        }
    }
}

/// The first point of which nothing can be said, or that there is none at all.
fn unknown(points: &[Point]) -> Option<Judged> {
    match points.iter().find(|point| point.truth().is_none()) {
        Some(point) => Some(Judged::inconclusive(point.trouble())),
        None if points.is_empty() => Some(Judged::inconclusive("no data in the phase")),
        None => None,
    }
}

/// `due` are the points at which it has to hold, `all` those of the whole phase.
fn within(due: &[Point], all: &[Point]) -> Judged {
    let judged = hold(due, true, "");
    if judged.finding != Some(Finding::Pass) {
        return judged;
    }
    let unheld = all.iter().filter(|point| point.truth() != Some(true)).map(|point| point.offset);
    let unheld = unheld.fold(f64::MIN, f64::max);
    let held = all.iter().filter(|point| point.offset > unheld);
    let since = held.min_by(|a, b| a.offset.total_cmp(&b.offset));
    Judged::pass(since.map_or_else(String::new, |point| format!("held from {}", point.at())))
}

fn compare(before: &[Point], during: &[Point], bounds: Bounds) -> Judged {
    for points in [before, during] {
        if let Some(point) = points.iter().find(|point| point.number().is_none()) {
            return Judged::inconclusive(point.trouble());
        }
    }
    let mut least_far: Option<(f64, &str)> = None;
    let mut series: Vec<&str> = during.iter().map(|point| point.series).collect();
    series.dedup();
    for name in series {
        let (Some(base), Some(mean)) = (mean(before, name), mean(during, name)) else {
            return Judged::inconclusive(format!("{name}: no data to compare with"));
        };
        if base == 0.0 {
            return Judged::inconclusive(format!("{name}: 0 during stabilization, nothing to compare with"));
        }
        let ratio = mean / base;
        let too_low = bounds.at_least.is_some_and(|least| ratio < least);
        let too_high = bounds.at_most.is_some_and(|most| ratio > most);
        if too_low || too_high {
            let word = if too_low { "below" } else { "above" };
            let bound = if too_low { bounds.at_least } else { bounds.at_most }.unwrap_or_default();
            return Judged::fail(format!("{name}: {ratio:.2} x before, {word} {bound}"));
        }
        if least_far.is_none_or(|(worst, _)| (ratio - 1.0).abs() > (worst - 1.0).abs()) {
            least_far = Some((ratio, name));
        }
    }
    match least_far {
        Some((ratio, name)) => Judged::pass(format!("{name}: {ratio:.2} x before")),
        None => Judged::inconclusive("no data in the phase"),
    }
}

#[cfg(test)]
mod tests;
