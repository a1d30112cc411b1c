//! Many runs of a scenario as one line a figure: the median and the worst. Pure.

use std::collections::VecDeque;

use serde::Serialize;

use crate::verdict::report::table::table;
use crate::verdict::report::value::{Unit, Value};
use crate::verdict::report::{Figures, Node, Report};

/// Runs whose figures are kept for the median: an endless loop must not grow without end.
const MOST_RUNS: usize = 1_000;

#[derive(Clone, Debug)]
struct Row {
    scenario: String,
    figure: &'static str,
    unit: Unit,
    /// Runs that have it, all of them.
    runs: usize,
    not_seen: usize,
    /// Of all of them.
    worst: Value,
    /// Of the last of them.
    values: VecDeque<Value>,
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
    #[serde(skip)]
    unit: Unit,
    /// Runs that have it; the worst is of all of them.
    pub(crate) runs: usize,
    /// In so many of them it did not come.
    pub(crate) not_seen: usize,
    pub(crate) median: Value,
    /// The last so many runs make the median.
    pub(crate) runs_in_median: usize,
    pub(crate) worst: Value,
    /// Which of the two is one.
    pub(crate) lower_bounds: Vec<&'static str>,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &Report) {
        let (targets, others): (Vec<&Node>, Vec<&Node>) = report.nodes.iter().partition(|node| node.target);
        let during = |nodes: &[&Node], pick: fn(&Figures) -> Option<Value>| -> Vec<Value> {
            let testing =
                nodes.iter().flat_map(|node| &node.phases).filter(|figures| figures.phase == "testing");
            testing.filter_map(pick).collect()
        };
        let wrong = |figures: &Figures| {
            figures.wrong_values.and_then(|count| u32::try_from(count).ok()).map(f64::from)
        };
        let wrong_values = report.nodes.iter().flat_map(|node| &node.phases).filter_map(wrong);
        let detected = targets.iter().filter_map(|node| node.time_to_detect_seconds);
        let figures: [(&'static str, Unit, Vec<Value>); 8] = [
            ("time to detect", Unit::Seconds, detected.map(Value::About).collect()),
            (
                "time to recover",
                Unit::Seconds,
                targets.iter().filter_map(|node| Value::of(node.recovery)).collect(),
            ),
            (
                "throughput of sick nodes",
                Unit::PerSecond,
                during(&targets, |f| f.operations_per_second.map(Value::About)),
            ),
            ("errors of sick nodes", Unit::Ratio, during(&targets, |f| f.error_ratio.map(Value::About))),
            ("p99 of sick nodes", Unit::Seconds, during(&targets, |f| f.p99.map(Value::from))),
            ("errors of other nodes", Unit::Ratio, during(&others, |f| f.error_ratio.map(Value::About))),
            ("p99 of other nodes", Unit::Seconds, during(&others, |f| f.p99.map(Value::from))),
            ("wrong values", Unit::Count, wrong_values.map(Value::About).collect()),
        ];
        for (figure, unit, of_nodes) in figures {
            // Of several nodes, a run is as bad as the worst.
            if let Some(value) = of_nodes.into_iter().reduce(|one, other| unit.worse(one, other)) {
                self.push(&report.scenario, figure, unit, value);
            }
        }
    }

    fn push(&mut self, scenario: &str, figure: &'static str, unit: Unit, value: Value) {
        let same = |row: &&mut Row| row.scenario == scenario && row.figure == figure;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.add(value),
            None => self.rows.push(Row::new(scenario, figure, unit, value)),
        }
    }

    /// Of everything that was seen more than once.
    pub(crate) fn spreads(&self) -> Vec<Spread> {
        self.rows.iter().filter(|row| row.runs > 1).filter_map(Row::spread).collect()
    }

    /// As a table; empty where nothing ran twice.
    pub(crate) fn table(&self) -> String {
        let mut text = table(&["scenario", "figure", "runs", "median", "worst"], 2);
        let (mut any, mut cut) = (false, false);
        for spread in self.spreads() {
            any = true;
            cut |= spread.runs_in_median < spread.runs;
            text.add_row([
                spread.scenario,
                spread.figure.to_owned(),
                spread.runs.to_string(),
                spread.median.text(spread.unit),
                spread.worst.text(spread.unit),
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
    fn new(scenario: &str, figure: &'static str, unit: Unit, first: Value) -> Row {
        let values = VecDeque::new();
        let mut row =
            Row { scenario: scenario.to_owned(), figure, unit, runs: 0, not_seen: 0, worst: first, values };
        row.add(first);
        row
    }

    fn add(&mut self, value: Value) {
        self.runs += 1;
        self.not_seen += usize::from(value == Value::NotSeen);
        self.worst = self.unit.worse(self.worst, value);
        if self.values.len() == MOST_RUNS {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    fn spread(&self) -> Option<Spread> {
        let mut values = Vec::from(self.values.clone());
        values.sort_by(|one, other| one.number().total_cmp(&other.number()));
        let (median, worst) = (Value::median(&values)?, self.worst);
        let bounds = [("median", median), ("worst", worst)].into_iter().filter(|(_, value)| value.is_bound());
        Some(Spread {
            scenario: self.scenario.clone(),
            figure: self.figure,
            unit: self.unit,
            runs: self.runs,
            not_seen: self.not_seen,
            median,
            runs_in_median: values.len(),
            worst,
            lower_bounds: bounds.map(|(name, _)| name).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::verdict::report::quantile::Quantile;
    use crate::verdict::report::times::Recovery;

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

    fn spread(reports: impl IntoIterator<Item = Report>) -> (serde_json::Value, String) {
        let mut summary = Summary::default();
        reports.into_iter().for_each(|report| summary.add(&report));
        (serde_json::to_value(summary.spreads()).unwrap(), summary.table())
    }

    #[test]
    fn a_quantile_that_is_a_bound_stays_one() {
        let with_p99 = |p99: Quantile| {
            let mut report = report(0.5, 1_000.0);
            let figures = report.nodes.iter_mut().flat_map(|node| &mut node.phases);
            figures.for_each(|figures| figures.p99 = Some(p99));
            report
        };
        let p99 = |values: &[Quantile]| {
            let (json, table) = spread(values.iter().copied().map(with_p99));
            let row = table.lines().find(|line| line.contains("p99")).unwrap().to_owned();
            (row, json[2]["lower_bounds"].clone())
        };
        let (row, bounds) = p99(&[Quantile::About(0.5), Quantile::About(0.6), Quantile::Above(20.0)]);
        assert!(row.ends_with("| 600 ms | >20.00 s |"), "{row}");
        assert_eq!(bounds, json!(["worst"]));
        // What is more than 0.7 s may be more than 0.8 s.
        let (row, bounds) = p99(&[Quantile::Above(0.7), Quantile::About(0.7), Quantile::About(0.8)]);
        assert!(row.ends_with("| >700 ms | >800 ms |"), "{row}");
        assert_eq!(bounds, json!(["median", "worst"]));
    }

    #[test]
    fn what_was_not_seen_is_told_from_what_nobody_looked_for() {
        let with = |recovery: Recovery| {
            let mut report = report(0.5, 1_000.0);
            report.nodes.iter_mut().for_each(|node| node.recovery = recovery);
            report
        };
        let recoveries = [Recovery::After(1.0), Recovery::Untold, Recovery::NotSeen, Recovery::After(2.0)];
        let (json, table) = spread(recoveries.map(with));
        let expected = json!({
            "scenario": "x", "figure": "time to recover", "runs": 3, "not_seen": 1,
            "median": 2.0, "runs_in_median": 3, "worst": null, "lower_bounds": [],
        });
        assert_eq!(json[1], expected);
        assert!(table.contains("|    3 | 2.00 s | not seen |"), "{table}");
    }

    #[test]
    fn the_worse_end_of_a_figure_depends_on_it() {
        let mut summary = Summary::default();
        summary.add(&report(0.5, 1_000.0));
        assert_eq!((summary.spreads(), summary.table()), (Vec::new(), String::new()));
        summary.add(&report(0.9, 900.0));
        summary.add(&report(0.6, 400.0));
        let found: Vec<_> = summary
            .spreads()
            .into_iter()
            .map(|s| (s.figure, s.runs, s.median.number(), s.worst.number()))
            .collect();
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
        let found: Vec<_> = summary
            .spreads()
            .into_iter()
            .map(|s| (s.runs, s.runs_in_median, s.median.number(), s.worst.number()))
            .collect();
        assert_eq!(found, [(1_002, 1_000, 0.5, 9.0), (1_002, 1_000, 1_000.0, 50.0)]);
        let says = "\nthe median is that of the last 1000 runs, the worst that of all\n";
        assert!(summary.table().ends_with(says), "{}", summary.table());
    }
}
