//! Judges one expectation by the samples that Prometheus returned for it. Pure: samples, times and scrape health are
//! arguments. Missing data, old data and a missing node are inconclusive, never a pass.

pub(crate) mod cause;
pub(crate) mod evidence;
pub(crate) mod machine;
pub(crate) mod miss;
pub(crate) mod overall;
pub(crate) mod presence;
pub(crate) mod shortage;
pub(crate) mod shortfall;
pub(crate) mod stop;

use std::time::Duration;

use metrics_core::labels::Finding;

use crate::prometheus::Grid;
use crate::scenario::expectation::{Bounds, Expectation, Must, Subject};
use crate::scenario::{During, UNDER_WAY, Windows};
use crate::text::{format_duration, format_seconds};
pub(crate) use cause::Cause;
use evidence::{Evidence, Point, TIME_TOLERANCE, mean};
use miss::Miss;

/// The result of one expectation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judgement {
    /// `None` if the expectation does not apply to this run.
    pub(crate) finding: Option<Finding>,
    pub(crate) reason: String,
    /// The point that made it fail: series and seconds into the phase.
    pub(crate) decisive_point: Option<(String, f64)>,
    /// How it failed, if it did.
    pub(crate) miss: Option<Miss>,
    /// Why it is inconclusive, if it is.
    pub(crate) cause: Cause,
}

impl Judgement {
    fn new(finding: Option<Finding>, reason: impl Into<String>) -> Judgement {
        Judgement { finding, reason: reason.into(), decisive_point: None, miss: None, cause: Cause::Data }
    }

    fn pass(reason: impl Into<String>) -> Judgement {
        Judgement::new(Some(Finding::Pass), reason)
    }

    fn fail(reason: impl Into<String>, miss: Miss) -> Judgement {
        Judgement { miss: Some(miss), ..Judgement::new(Some(Finding::Fail), reason) }
    }

    pub(crate) fn inconclusive(reason: impl Into<String>) -> Judgement {
        Judgement::new(Some(Finding::Inconclusive), reason)
    }

    pub(crate) fn not_applicable(reason: impl Into<String>) -> Judgement {
        Judgement::new(None, reason)
    }
}

/// The times at which the query of an expectation is evaluated.
pub(crate) fn evaluation_grid(expectation: &Expectation, windows: &Windows, interval: Duration) -> Grid {
    let step = interval.as_secs_f64();
    let begin = match expectation.must {
        Must::Compare(_) => windows.of(During::Stabilization).start,
        Must::Always | Must::Never | Must::Sometime | Must::AtEnd | Must::Within(_) => {
            windows.of(expectation.during).start
        }
    };
    let last = last_evaluation(expectation.during, windows, step);
    let steps = ((last - begin) / step).floor().max(0.0);
    Grid { first: last - steps * step, last, step }
}

/// Nothing changes after the last phase, so the scrape that follows it shows how the phase ended.
fn last_evaluation(during: During, windows: &Windows, step: f64) -> f64 {
    match during {
        During::Stabilization => windows.stabilization.end,
        During::Testing => windows.on_until,
        During::Recovery | During::Run => windows.recovery.end + step,
    }
}

/// Judges an expectation. `planned` is the planned length of its phase.
pub(crate) fn judge_expectation(
    expectation: &Expectation,
    windows: &Windows,
    evidence: &Evidence<'_>,
    planned: Duration,
) -> Judgement {
    let judgement = match missing_precondition(expectation, windows, evidence, planned) {
        Some(reason) => Judgement::inconclusive(reason),
        None => check_points(expectation, windows, evidence),
    };
    let judgement = match expectation.query.find_sparse(evidence.health.interval) {
        // A moment that decides is one with enough samples.
        Some(sparse) if judgement.finding != Some(Finding::Fail) => {
            Judgement::inconclusive(sparse.to_string())
        }
        Some(_) | None => judgement,
    };
    let (problem, cause) = match expectation.subject {
        Subject::Client => return judgement,
        Subject::Fault => ("the fault had no visible effect", Cause::NoEffect),
        Subject::Baseline => (
            "the baseline was already unhealthy, so nothing can be attributed to the fault",
            Cause::UnhealthyBaseline,
        ),
    };
    match judgement.finding {
        Some(Finding::Fail) => {
            let reason = format!("{problem}: {}", judgement.reason);
            Judgement { decisive_point: judgement.decisive_point, cause, ..Judgement::inconclusive(reason) }
        }
        Some(Finding::Pass | Finding::Inconclusive) | None => judgement,
    }
}

/// Why an expectation cannot be judged at all: its phase is too short, or there is no data.
fn missing_precondition(
    expectation: &Expectation,
    windows: &Windows,
    evidence: &Evidence<'_>,
    planned: Duration,
) -> Option<String> {
    let interval = evidence.health.interval;
    let phase = windows.of(expectation.during);
    let last = last_evaluation(expectation.during, windows, interval.as_secs_f64());
    let lookback = expectation.query.lookback(interval);
    if is_too_short(expectation, last - phase.start, lookback) {
        let length = format_seconds(phase.end.min(last) - phase.start);
        let lookback = format_duration(lookback);
        return Some(format!("the phase lasted {length}, but the query looks back {lookback}"));
    }
    if let Must::Within(limit) = expectation.must
        && planned < limit
    {
        let (planned, limit) = (format_duration(planned), format_duration(limit));
        return Some(format!("the phase lasts {planned}, but the expectation allows {limit}"));
    }
    if evidence.series.is_empty() {
        return Some(evidence.health.problem_at(last).unwrap_or("no data").to_owned());
    }
    let missing_target = || evidence.missing_target(phase.start, last);
    evidence.missing_node().map(|node| format!("no data for {node}")).or_else(missing_target)
}

/// Checks the points of the phase against what the expectation requires.
fn check_points(expectation: &Expectation, windows: &Windows, evidence: &Evidence<'_>) -> Judgement {
    let interval = evidence.health.interval.as_secs_f64();
    let lookback = expectation.query.lookback(evidence.health.interval).as_secs_f64();
    let phase = windows.of(expectation.during);
    let last = last_evaluation(expectation.during, windows, interval);
    // From here on, an evaluation uses samples of this phase only.
    let settled = (phase.start + lookback).min(last);
    let from = |begin: f64| evidence.points(begin, last, phase.start);
    match expectation.must {
        Must::Always if starts_one_scrape_early(expectation) => {
            let is_known =
                |point: &Point| point.offset >= lookback - TIME_TOLERANCE || point.truth().is_some();
            let points: Vec<Point> = from(settled - interval).into_iter().filter(is_known).collect();
            check_all(&points, true, "always, from")
        }
        Must::Always => check_all(&from(settled), true, "always, from"),
        Must::Never => check_all(&from(settled), false, "never, from"),
        // An event in the first moments of a phase only shows in evaluations that also look back before the phase.
        Must::Sometime => check_once(&from(phase.start + interval)),
        Must::AtEnd => check_all(&from(last), true, "held at"),
        Must::Within(limit) => {
            let due = (phase.start + limit.as_secs_f64() + interval).min(last).max(settled);
            check_within(&from(due), &from(phase.start))
        }
        Must::Compare(bounds) => {
            let base = windows.of(During::Stabilization);
            let settled_base = (base.start + lookback).min(base.end - interval);
            let before = evidence.points(settled_base, base.end, base.start);
            check_ratio(&before, &from(settled), bounds)
        }
    }
}

/// Whether every evaluation also uses samples from before the phase. `last` is the time of the last evaluation, in seconds
/// into the phase. Testing ends `UNDER_WAY` early, so a phase exactly as long as the lookback is still long enough.
fn is_too_short(expectation: &Expectation, last: f64, lookback: Duration) -> bool {
    lookback.as_secs_f64() - UNDER_WAY > last + TIME_TOLERANCE && expectation.must != Must::Sometime
}

/// A rate starts at its first sample, so a rate over samples of one phase misses what happened before the first of them.
/// The baseline must not miss anything, so it begins one scrape earlier if there is data.
fn starts_one_scrape_early(expectation: &Expectation) -> bool {
    expectation.subject == Subject::Baseline
        && expectation.during == During::Stabilization
        && expectation.must == Must::Always
}

/// Every point must be `wanted`. One point that is not decides, even if others are unknown.
fn check_all(points: &[Point], wanted: bool, pass_prefix: &str) -> Judgement {
    let wrong = points.iter().find(|point| point.truth() == Some(!wanted));
    if let Some(point) = wrong {
        let reason = format!("{} at {}", if wanted { "false" } else { "true" }, point.place());
        let decisive_point = Some((point.series.to_owned(), point.offset));
        return Judgement { decisive_point, ..Judgement::fail(reason, Miss::Moment { value: None }) };
    }
    first_unknown(points).unwrap_or_else(|| {
        let reason = points.first().map(|first| format!("{pass_prefix} {}", first.time()));
        Judgement::pass(reason.unwrap_or_default())
    })
}

/// Each series must be true at one point at least.
fn check_once(points: &[Point]) -> Judgement {
    let true_point =
        |series: &str| points.iter().find(|point| point.series == series && point.truth() == Some(true));
    let never_true: Vec<Point> =
        points.iter().filter(|point| true_point(point.series).is_none()).copied().collect();
    match (never_true.first(), points.first().and_then(|first| true_point(first.series))) {
        (None, Some(point)) => Judgement::pass(format!("true at {}", point.place())),
        (missing, _) => first_unknown(&never_true).unwrap_or_else(|| {
            let series = missing.map_or("any series", |point| point.series);
            Judgement::fail(format!("never true for {series}"), Miss::Never)
        }),
    }
}

/// Inconclusive if there is no point, or if one of them is neither true nor false.
fn first_unknown(points: &[Point]) -> Option<Judgement> {
    match points.iter().find(|point| point.truth().is_none()) {
        Some(point) => Some(Judgement::inconclusive(point.problem())),
        None if points.is_empty() => Some(Judgement::inconclusive("no data in the phase")),
        None => None,
    }
}

/// All points of `due` must be true. `all` are the points of the whole phase.
fn check_within(due: &[Point], all: &[Point]) -> Judgement {
    let judgement = check_all(due, true, "");
    match judgement.finding {
        Some(Finding::Pass) => {}
        Some(Finding::Fail) => {
            let held = |point: &Point| Some((point.offset, point.truth()?));
            let mut points: Vec<(f64, bool)> = all.iter().filter_map(held).collect();
            points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            return Judgement { miss: Some(Miss::Late { points }), ..judgement };
        }
        Some(Finding::Inconclusive) | None => return judgement,
    }
    let last_untrue = all
        .iter()
        .filter(|point| point.truth() != Some(true))
        .map(|point| point.offset)
        .fold(f64::MIN, f64::max);
    let held = all.iter().filter(|point| point.offset > last_untrue);
    let since = held.min_by(|a, b| a.offset.total_cmp(&b.offset));
    Judgement::pass(since.map_or_else(String::new, |point| format!("held from {}", point.time())))
}

/// For each series, the mean of `during` must be within `bounds` of the mean of `before`.
fn check_ratio(before: &[Point], during: &[Point], bounds: Bounds) -> Judgement {
    for points in [before, during] {
        if let Some(point) = points.iter().find(|point| point.number().is_none()) {
            return Judgement::inconclusive(point.problem());
        }
    }
    let mut extreme: Option<(f64, &str)> = None;
    let mut series: Vec<&str> = during.iter().map(|point| point.series).collect();
    series.dedup();
    for name in series {
        let (Some(base), Some(mean)) = (mean(before, name), mean(during, name)) else {
            return Judgement::inconclusive(format!("{name}: no data to compare with"));
        };
        if base == 0.0 {
            return Judgement::inconclusive(format!(
                "{name}: 0 during stabilization, nothing to compare with"
            ));
        }
        let ratio = mean / base;
        let too_low = bounds.at_least.filter(|least| ratio < *least).map(|least| ("below", least));
        let too_high = bounds.at_most.filter(|most| ratio > *most).map(|most| ("above", most));
        if let Some((side, bound)) = too_low.or(too_high) {
            let reason = format!("{name}: {ratio:.2} x before, {side} {bound}");
            return Judgement::fail(reason, Miss::Factor { ratio, bounds });
        }
        if extreme.is_none_or(|(furthest, _)| (ratio - 1.0).abs() > (furthest - 1.0).abs()) {
            extreme = Some((ratio, name));
        }
    }
    match extreme {
        Some((ratio, name)) => Judgement::pass(format!("{name}: {ratio:.2} x before")),
        None => Judgement::inconclusive("no data in the phase"),
    }
}

#[cfg(test)]
mod tests;
