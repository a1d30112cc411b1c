//! The samples of one query as evidence: one point per series and time, with whether the point can be trusted. Pure.

use std::collections::HashMap;
use std::time::Duration;

use super::presence::{MAX_SCRAPE_AGE, Presence, Target, TargetId};
use crate::prometheus::{Grid, Series};
use crate::text::format_offset;

/// Times are floats: two that differ by less are the same. Seconds.
pub(super) const TIME_TOLERANCE: f64 = 1e-3;

/// When Prometheus scraped the load generators that count, and whether they answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScrapeHealth {
    pub(crate) interval: Duration,
    pub(crate) targets: Vec<Target>,
}

impl ScrapeHealth {
    /// `None` if there are too few scrapes to know the interval.
    pub(crate) fn new(presence: &Presence) -> Option<ScrapeHealth> {
        Some(ScrapeHealth { interval: presence.interval?, targets: presence.live.clone() })
    }

    /// The time up to which every load generator was scraped.
    pub(crate) fn newest(&self) -> f64 {
        let scraped = self.targets.iter().filter(|target| !target.scrapes.is_empty());
        scraped.map(Target::newest).reduce(f64::min).unwrap_or(0.0)
    }

    /// What was wrong with the scrapes of this series at this time, if anything. Any load generator counts for a sum.
    fn problem_of(&self, series: &Series, at: f64) -> Option<&'static str> {
        let id = TargetId::of(series);
        match self.targets.iter().find(|target| target.id == id && !target.scrapes.is_empty()) {
            Some(own) => self.problem_of_targets(std::slice::from_ref(own), at),
            None => self.problem_at(at),
        }
    }

    /// What was wrong with the scrapes at this time, if anything.
    pub(super) fn problem_at(&self, at: f64) -> Option<&'static str> {
        self.problem_of_targets(&self.targets, at)
    }

    fn problem_of_targets(&self, targets: &[Target], at: f64) -> Option<&'static str> {
        let oldest = at - MAX_SCRAPE_AGE * self.interval.as_secs_f64();
        let recent = |target: &Target| {
            let mut scrapes = target.scrapes.iter();
            scrapes.rfind(|(time, _)| (oldest..=at).contains(time)).map(|(_, answered)| *answered)
        };
        let recent: Vec<bool> = targets.iter().filter_map(recent).collect();
        if recent.is_empty() {
            Some("the load generator was not scraped")
        } else if recent.contains(&false) {
            Some("the load generator did not answer")
        } else {
            None
        }
    }
}

/// The answer to a range query, with what is needed to judge it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) series: &'a [NamedSeries],
    /// If the series are per node, each of these nodes must have one.
    pub(crate) nodes: &'a [String],
    pub(crate) health: &'a ScrapeHealth,
    pub(crate) grid: Grid,
}

/// A series with its name in messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NamedSeries {
    pub(crate) name: String,
    pub(crate) series: Series,
}

impl NamedSeries {
    /// Names each series by its label values. Labels of the scrape, and then label names, are added only if two series
    /// would have the same name.
    pub(crate) fn name_all(series: Vec<Series>) -> Vec<NamedSeries> {
        let mut names: Vec<String> = series.iter().map(Series::short_name).collect();
        for longer in [Series::name_with_target, Series::full_name] {
            let mut counts: HashMap<String, usize> = HashMap::new();
            names.iter().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
            for (name, series) in names.iter_mut().zip(&series) {
                if counts.get(name).is_some_and(|count| *count > 1) {
                    *name = longer(series);
                }
            }
        }
        names.iter_mut().filter(|name| name.is_empty()).for_each(|name| *name = "the value".to_owned());
        names.into_iter().zip(series).map(|(name, series)| NamedSeries { name, series }).collect()
    }
}

/// The value of a series at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point<'a> {
    pub(crate) series: &'a str,
    /// Seconds into the phase.
    pub(crate) offset: f64,
    /// The error is the reason why there is no value.
    value: Result<f64, &'static str>,
}

impl<'a> Evidence<'a> {
    /// A node without a series, if other nodes have one.
    pub(super) fn missing_node(&self) -> Option<&'a str> {
        let by_node = |named: &&NamedSeries| named.series.labels.contains_key("server");
        let has_series = |node: &&String| {
            self.series.iter().filter(by_node).any(|named| named.series.label("server") == node.as_str())
        };
        let any = self.series.iter().any(|named| by_node(&named));
        self.nodes.iter().find(|node| any && !has_series(node)).map(String::as_str)
    }

    /// A load generator without a series, if others have one: why, if its scrapes failed in this span of time.
    pub(super) fn missing_target(&self, begin: f64, end: f64) -> Option<String> {
        let has_series =
            |target: &&Target| self.series.iter().any(|named| TargetId::of(&named.series) == target.id);
        let targets = self.health.targets.iter().filter(|target| !target.scrapes.is_empty());
        let (with, without): (Vec<&Target>, Vec<&Target>) = targets.partition(has_series);
        if with.is_empty() {
            return None;
        }
        let step = self.grid.step;
        let times = std::iter::successors(Some(end), |at| Some(at - step)).take_while(|at| *at > begin);
        let problem = |target: &&Target| {
            let at = |at| Some((at, self.health.problem_of_targets(std::slice::from_ref(*target), at)?));
            let (at, problem) = times.clone().filter_map(at).last()?;
            Some(format!("{problem} at {} for {}", format_offset(at - begin), target.id))
        };
        without.iter().find_map(problem)
    }

    /// The points of every series from `begin` to `end`. `phase` is the start of the phase.
    pub(super) fn points(&self, begin: f64, end: f64, phase: f64) -> Vec<Point<'a>> {
        let Grid { last, step, .. } = self.grid;
        let newest = ((last - end) / step - TIME_TOLERANCE).ceil().max(0.0);
        let steps = ((last - begin) / step + TIME_TOLERANCE).floor();
        let mut points = Vec::new();
        for named in self.series {
            let mut back = steps;
            while back >= newest {
                let at = last - back * step;
                let value = named.series.points.iter().find(|(time, _)| (time - at).abs() < step / 4.0);
                let value = match (self.health.problem_of(&named.series, at), value) {
                    (Some(problem), _) => Err(problem),
                    (None, Some((_, value))) => Ok(*value),
                    (None, None) => Err("no data"),
                };
                points.push(Point { series: &named.name, offset: at - phase, value });
                back -= 1.0;
            }
        }
        points
    }
}

impl Point<'_> {
    pub(super) fn number(&self) -> Option<f64> {
        self.value.ok().filter(|value| value.is_finite())
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self.value {
            Ok(1.0) => Some(true),
            Ok(0.0) => Some(false),
            Ok(_) | Err(_) => None,
        }
    }

    /// Time since the start of the phase.
    pub(super) fn time(&self) -> String {
        format_offset(self.offset)
    }

    pub(super) fn place(&self) -> String {
        format!("{} for {}", self.time(), self.series)
    }

    /// Why the point cannot be used.
    pub(super) fn problem(&self) -> String {
        match self.value {
            Ok(value) if !value.is_finite() => format!("{value} at {} is not a finite number", self.place()),
            Ok(value) => format!("{value} at {} is neither 0 nor 1", self.place()),
            Err(problem) => format!("{problem} at {}", self.place()),
        }
    }
}

/// The mean of one series. `None` without points.
pub(super) fn mean(points: &[Point], series: &str) -> Option<f64> {
    let numbers: Vec<f64> =
        points.iter().filter(|point| point.series == series).filter_map(Point::number).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few points")]
    let count = numbers.len() as f64;
    (count > 0.0).then(|| numbers.iter().sum::<f64>() / count)
}
