//! What Prometheus returned, as the judge sees it: one point per series and moment, with whether it can be relied on. Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::prometheus::{Grid, Series};
use crate::scenario::Window;

/// Times come as floats.
pub(super) const SLACK: f64 = 1e-3;

/// A scrape may be late by so many intervals before what it said is old.
const PATIENCE: f64 = 2.5;

/// How the client's metrics were scraped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Health {
    pub(crate) interval: Duration,
    /// By target: when, and whether it answered.
    pub(crate) targets: Vec<Vec<(f64, bool)>>,
}

impl Health {
    /// From the samples of `up`; `None` without enough of them to know the interval.
    pub(crate) fn new(up: &[Series]) -> Option<Health> {
        let mut gaps: Vec<f64> = up
            .iter()
            .flat_map(|series| series.points.windows(2))
            .filter_map(|pair| Some(pair.last()?.0 - pair.first()?.0))
            .collect();
        gaps.sort_by(f64::total_cmp);
        let interval = Duration::try_from_secs_f64(*gaps.get(gaps.len() / 2)?).ok()?;
        // Scrapes come some milliseconds early or late.
        let millis = u64::try_from(interval.as_millis()).unwrap_or_default();
        let millis = (millis.saturating_add(25) / 50 * 50).max(50);
        let targets = up
            .iter()
            .map(|series| series.points.iter().map(|(at, up)| (*at, *up == 1.0)).collect())
            .collect();
        Some(Health { interval: Duration::from_millis(millis), targets })
    }

    /// The newest scrape of any target.
    pub(crate) fn newest(&self) -> f64 {
        self.targets.iter().flatten().map(|(at, _)| *at).fold(0.0, f64::max)
    }

    /// Whether the load generator answered at least one scrape of this time.
    pub(crate) fn answered(&self, window: Window) -> bool {
        let during = |(at, answered): &(f64, bool)| *answered && (window.start..=window.end).contains(at);
        self.targets.iter().flatten().any(during)
    }

    /// What is wrong with the metrics at a moment, if anything is.
    pub(super) fn trouble(&self, at: f64) -> Option<&'static str> {
        let oldest = at - PATIENCE * self.interval.as_secs_f64();
        let recent = |scrapes: &Vec<(f64, bool)>| {
            scrapes.iter().rfind(|(time, _)| (oldest..=at).contains(time)).map(|(_, answered)| *answered)
        };
        let recent: Vec<bool> = self.targets.iter().filter_map(recent).collect();
        if recent.is_empty() {
            Some("the load generator was not scraped")
        } else if recent.contains(&false) {
            Some("the load generator did not answer")
        } else {
            None
        }
    }
}

/// An answer with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) series: &'a [Named],
    /// The nodes that have to be in it, if it is by node.
    pub(crate) nodes: &'a [String],
    pub(crate) health: &'a Health,
    pub(crate) grid: Grid,
}

/// A series with the name that messages use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) series: Series,
}

impl Named {
    /// As messages call them: by what tells them from their neighbours, which their scrape does not. Only where several
    /// load generators, or metrics, are in one answer, it takes that as well: no two series have one name.
    pub(crate) fn all(series: Vec<Series>) -> Vec<Named> {
        let mut names: Vec<String> = series.iter().map(Series::terse).collect();
        for longer in [Series::scraped, Series::whole] {
            let mut counts: HashMap<String, usize> = HashMap::new();
            names.iter().for_each(|name| *counts.entry(name.clone()).or_default() += 1);
            for (name, series) in names.iter_mut().zip(&series) {
                if counts.get(name).is_some_and(|count| *count > 1) {
                    *name = longer(series);
                }
            }
        }
        names.iter_mut().filter(|name| name.is_empty()).for_each(|name| *name = "the value".to_owned());
        names.into_iter().zip(series).map(|(name, series)| Named { name, series }).collect()
    }
}

/// What a series said at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point<'a> {
    pub(crate) series: &'a str,
    /// Seconds into the phase.
    pub(crate) offset: f64,
    said: Result<f64, &'static str>,
}

impl<'a> Evidence<'a> {
    /// A node whose series is not there though others' are.
    pub(super) fn missing_node(&self) -> Option<&'a str> {
        let by_node = |named: &&Named| named.series.labels.contains_key("server");
        let there = |node: &&String| {
            self.series.iter().filter(by_node).any(|named| named.series.label("server") == node.as_str())
        };
        let any = self.series.iter().any(|named| by_node(&named));
        self.nodes.iter().find(|node| any && !there(node)).map(String::as_str)
    }

    /// Every series at every step of the grid from `begin` to `end`; offsets are counted from `phase`.
    pub(super) fn points(&self, begin: f64, end: f64, phase: f64) -> Vec<Point<'a>> {
        let Grid { last, step, .. } = self.grid;
        let behind = ((last - end) / step - SLACK).ceil().max(0.0);
        let steps = ((last - begin) / step + SLACK).floor();
        let mut points = Vec::new();
        for named in self.series {
            let mut back = steps;
            while back >= behind {
                let at = last - back * step;
                let value = named.series.points.iter().find(|(time, _)| (time - at).abs() < step / 4.0);
                let said = match (self.health.trouble(at), value) {
                    (Some(trouble), _) => Err(trouble),
                    (None, Some((_, value))) => Ok(*value),
                    (None, None) => Err("no data"),
                };
                points.push(Point { series: &named.name, offset: at - phase, said });
                back -= 1.0;
            }
        }
        points
    }
}

impl Point<'_> {
    pub(super) fn number(&self) -> Option<f64> {
        self.said.ok().filter(|value| value.is_finite())
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match self.said {
            Ok(1.0) => Some(true),
            Ok(0.0) => Some(false),
            Ok(_) | Err(_) => None,
        }
    }

    /// Where it is in its phase.
    pub(super) fn at(&self) -> String {
        format!("{:+.1} s", self.offset)
    }

    pub(super) fn place(&self) -> String {
        format!("{} for {}", self.at(), self.series)
    }

    pub(super) fn trouble(&self) -> String {
        match self.said {
            Ok(value) if !value.is_finite() => format!("{value} at {} is no number", self.place()),
            Ok(value) => format!("{value} at {} is neither 0 nor 1", self.place()),
            Err(trouble) => format!("{trouble} at {}", self.place()),
        }
    }
}

/// The mean of one series.
pub(super) fn mean(points: &[Point], series: &str) -> Option<f64> {
    let numbers: Vec<f64> =
        points.iter().filter(|point| point.series == series).filter_map(Point::number).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few points")]
    let count = numbers.len() as f64;
    (count > 0.0).then(|| numbers.iter().sum::<f64>() / count)
}
