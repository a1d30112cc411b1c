//! Many runs of a scenario as one line a figure: the median and the worst. Pure.

use std::collections::VecDeque;

use serde::Serialize;

use crate::report::quantile::Quantile;
use crate::report::table::{percent, seconds, table};
use crate::report::times::Recovery;
use crate::report::{Figures, Node, Report};

/// Runs whose figures are kept for the median: an endless loop must not grow without end.
const MOST_RUNS: usize = 1_000;

/// What a figure's number is, and which end of it is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Ratio,
    PerSecond,
    Count,
}

impl Unit {
    fn lower_is_worse(self) -> bool {
        match self {
            Unit::PerSecond => true,
            Unit::Seconds | Unit::Ratio | Unit::Count => false,
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Unit::Seconds => seconds(value),
            Unit::Ratio => percent(value),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Count => format!("{value:.0}"),
        }
    }
}

#[derive(Clone, Debug)]
struct Row {
    scenario: String,
    figure: &'static str,
    unit: Unit,
    /// Runs that have it, all of them.
    runs: usize,
    /// Of all of them.
    worst: f64,
    /// Of the last of them.
    values: VecDeque<f64>,
    /// The largest of all of them that is a lower bound only.
    bound: Option<f64>,
}

/// The figures of every run so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    rows: Vec<Row>,
}

/// One figure of one scenario over its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) scenario: String,
    pub(crate) figure: &'static str,
    /// Runs that have it; the worst is of all of them.
    pub(crate) runs: usize,
    pub(crate) median: f64,
    /// The last so many runs make the median.
    pub(crate) runs_in_median: usize,
    pub(crate) worst: f64,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        let (targets, others): (Vec<&Node>, Vec<&Node>) = report.nodes.iter().partition(|node| node.target);
        let during = |nodes: &[&Node], pick: fn(&Figures) -> Option<f64>| -> Vec<f64> {
            let testing =
                nodes.iter().flat_map(|node| &node.phases).filter(|figures| figures.phase == "testing");
            testing.filter_map(pick).collect()
        };
        let wrong = |figures: &Figures| {
            figures.wrong_values.and_then(|count| u32::try_from(count).ok()).map(f64::from)
        };
        let all = report.nodes.iter().flat_map(|node| &node.phases).filter_map(wrong);
        let wrong_values: Vec<f64> = all.collect();
        let figures: [(&'static str, Unit, Vec<f64>); 8] = [
            (
                "time to detect",
                Unit::Seconds,
                targets.iter().filter_map(|n| n.time_to_detect_seconds).collect(),
            ),
            ("time to recover", Unit::Seconds, targets.iter().filter_map(|node| recovery(node)).collect()),
            ("throughput of sick nodes", Unit::PerSecond, during(&targets, |f| f.operations_per_second)),
            ("errors of sick nodes", Unit::Ratio, during(&targets, |f| f.error_ratio)),
            ("p99 of sick nodes", Unit::Seconds, during(&targets, |f| f.p99.map(Quantile::seconds))),
            ("errors of other nodes", Unit::Ratio, during(&others, |f| f.error_ratio)),
            ("p99 of other nodes", Unit::Seconds, during(&others, |f| f.p99.map(Quantile::seconds))),
            ("wrong values", Unit::Count, wrong_values),
        ];
        for (figure, unit, of_nodes) in figures {
            // Of several nodes, a run is as bad as the worst.
            if let Some(value) = worst(&of_nodes, unit) {
                self.push(&report.scenario, figure, unit, value);
            }
        }
        let bound = |f: &Figures| f.p99.filter(|p99| p99.is_bound()).map(Quantile::seconds);
        for (figure, nodes) in [("p99 of sick nodes", &targets), ("p99 of other nodes", &others)] {
            let bounds = during(nodes, bound);
            let of = |row: &&mut Row| row.scenario == report.scenario && row.figure == figure;
            if let Some(row) = self.rows.iter_mut().find(of) {
                row.bound = bounds.into_iter().chain(row.bound).reduce(f64::max);
            }
        }
    }

    fn push(&mut self, scenario: &str, figure: &'static str, unit: Unit, value: f64) {
        let same = |row: &&mut Row| row.scenario == scenario && row.figure == figure;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.add(value),
            None => self.rows.push(Row {
                scenario: scenario.to_owned(),
                figure,
                unit,
                runs: 1,
                worst: value,
                values: VecDeque::from([value]),
                bound: None,
            }),
        }
    }

    /// Of everything that was seen more than once.
    pub(crate) fn spreads(&self) -> Vec<Spread> {
        self.repeated().map(|(_, spread)| spread).collect()
    }

    fn repeated(&self) -> impl Iterator<Item = (&Row, Spread)> {
        self.rows.iter().filter(|row| row.runs > 1).filter_map(|row| {
            let mut values = Vec::from(row.values.clone());
            values.sort_by(f64::total_cmp);
            let middle = values.get((values.len() - 1) / 2).zip(values.get(values.len() / 2))?;
            let spread = Spread {
                scenario: row.scenario.clone(),
                figure: row.figure,
                runs: row.runs,
                median: f64::midpoint(*middle.0, *middle.1),
                runs_in_median: values.len(),
                worst: row.worst,
            };
            Some((row, spread))
        })
    }

    /// As a table; empty where nothing ran twice.
    pub(crate) fn table(&self) -> String {
        let mut text = table(&["scenario", "figure", "runs", "median", "worst"], 2);
        let (mut any, mut cut) = (false, false);
        for (row, spread) in self.repeated() {
            any = true;
            cut |= spread.runs_in_median < spread.runs;
            text.add_row([
                spread.scenario,
                spread.figure.to_owned(),
                spread.runs.to_string(),
                row.text(spread.median),
                row.text(spread.worst),
            ]);
        }
        let note = format!("the median is that of the last {MOST_RUNS} runs, the worst that of all\n");
        match any {
            true => format!("{text}\n{}", if cut { note.as_str() } else { "" }),
            false => String::new(),
        }
    }
}

impl Row {
    fn text(&self, value: f64) -> String {
        let more = if self.bound == Some(value) { ">" } else { "" };
        format!("{more}{}", self.unit.text(value))
    }

    fn add(&mut self, value: f64) {
        self.runs += 1;
        self.worst = worst(&[self.worst, value], self.unit).unwrap_or(self.worst);
        if self.values.len() == MOST_RUNS {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }
}

/// A node that was not seen to recover took for ever.
fn recovery(node: &Node) -> Option<f64> {
    match node.recovery {
        Recovery::After(seconds) => Some(seconds),
        Recovery::NotSeen => Some(f64::INFINITY),
        Recovery::Untold => None,
    }
}

fn worst(values: &[f64], unit: Unit) -> Option<f64> {
    let values = values.iter().copied().filter(|value| !value.is_nan());
    if unit.lower_is_worse() { values.reduce(f64::min) } else { values.reduce(f64::max) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(detect: f64, rate: f64) -> Report {
        let figures = Figures { phase: "testing", operations_per_second: Some(rate), ..Figures::default() };
        let node = Node {
            server: "a".into(),
            target: true,
            hurt: Some(true),
            time_to_detect_seconds: Some(detect),
            recovery: Recovery::Untold,
            phases: vec![figures],
        };
        Report { nodes: vec![node], ..Report::unjudged("x", "r", &[], String::new()) }
    }

    #[test]
    fn a_quantile_that_is_a_bound_stays_one() {
        let mut summary = Summary::default();
        for p99 in [Quantile::About(0.5), Quantile::About(0.6), Quantile::Above(20.0)] {
            let mut report = report(0.5, 1_000.0);
            report
                .nodes
                .iter_mut()
                .flat_map(|node| &mut node.phases)
                .for_each(|figures| figures.p99 = Some(p99));
            summary.add(&report);
        }
        let table = summary.table();
        assert!(table.contains("| 600 ms | >20.00 s |"), "{table}");
    }

    #[test]
    fn the_worse_end_of_a_figure_depends_on_it() {
        let mut summary = Summary::default();
        summary.add(&report(0.5, 1_000.0));
        assert_eq!((summary.spreads(), summary.table()), (Vec::new(), String::new()));
        summary.add(&report(0.9, 900.0));
        summary.add(&report(0.6, 400.0));
        let found: Vec<_> =
            summary.spreads().into_iter().map(|s| (s.figure, s.runs, s.median, s.worst)).collect();
        assert_eq!(found, [("time to detect", 3, 0.6, 0.9), ("throughput of sick nodes", 3, 900.0, 400.0)]);
        assert_eq!(
            summary.table(),
            "| scenario | figure                   | runs | median |  worst |\n\
             |----------|--------------------------|------|--------|--------|\n\
             | x        | time to detect           |    3 | 600 ms | 900 ms |\n\
             | x        | throughput of sick nodes |    3 |  900/s |  400/s |\n"
        );
    }

    #[test]
    fn no_run_is_too_late_to_be_the_worst() {
        let mut summary = Summary::default();
        summary.add(&report(9.0, 100.0));
        for _ in 0..MOST_RUNS {
            summary.add(&report(0.5, 1_000.0));
        }
        summary.add(&report(7.0, 50.0));
        let found: Vec<_> =
            summary.spreads().into_iter().map(|s| (s.runs, s.runs_in_median, s.median, s.worst)).collect();
        assert_eq!(found, [(1_002, 1_000, 0.5, 9.0), (1_002, 1_000, 1_000.0, 50.0)]);
        let says = "\nthe median is that of the last 1000 runs, the worst that of all\n";
        assert!(summary.table().ends_with(says), "{}", summary.table());
    }
}
