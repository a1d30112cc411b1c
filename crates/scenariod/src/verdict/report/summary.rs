//! Many runs of a scenario in one table: the median and the worst value of each figure. Pure.

use std::collections::VecDeque;

use serde::Serialize;

use crate::verdict::report::table::new_table;
use crate::verdict::report::value::{FigureValue, Unit};
use crate::verdict::report::{NodeReport, PhaseFigures, RunReport};

/// How many runs count for the median. The limit keeps memory bounded in an endless loop.
const MEDIAN_RUNS: usize = 1_000;

#[derive(Clone, Debug)]
struct Row {
    scenario: String,
    figure: &'static str,
    unit: Unit,
    /// All runs that have the figure.
    runs: usize,
    not_seen: usize,
    /// The worst of all these runs.
    worst: FigureValue,
    /// The values of the last of these runs.
    values: VecDeque<FigureValue>,
}

/// The figures of all runs so far.
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
    /// All runs that have the figure. `worst` is the worst of all of them.
    pub(crate) runs: usize,
    /// The runs in which the event did not happen.
    pub(crate) not_seen: usize,
    pub(crate) median: FigureValue,
    /// How many of the last runs count for the median.
    pub(crate) runs_in_median: usize,
    pub(crate) worst: FigureValue,
    /// Which of `median` and `worst` is a lower bound.
    pub(crate) lower_bounds: Vec<&'static str>,
}

impl Summary {
    pub(crate) fn add(&mut self, report: &RunReport) {
        let (targets, others): (Vec<&NodeReport>, Vec<&NodeReport>) =
            report.nodes.iter().partition(|node| node.target);
        let during =
            |nodes: &[&NodeReport], pick: fn(&PhaseFigures) -> Option<FigureValue>| -> Vec<FigureValue> {
                let testing =
                    nodes.iter().flat_map(|node| &node.phases).filter(|figures| figures.phase == "testing");
                testing.filter_map(pick).collect()
            };
        let wrong = |figures: &PhaseFigures| {
            figures.wrong_values.and_then(|count| u32::try_from(count).ok()).map(f64::from)
        };
        let wrong_values = report.nodes.iter().flat_map(|node| &node.phases).filter_map(wrong);
        let detected = targets.iter().filter_map(|node| node.time_to_detect_seconds);
        let figures: [(&'static str, Unit, Vec<FigureValue>); 8] = [
            ("time to detect", Unit::Seconds, detected.map(FigureValue::Known).collect()),
            (
                "time to recover",
                Unit::Seconds,
                targets.iter().filter_map(|node| FigureValue::from_recovery(node.recovery)).collect(),
            ),
            (
                "throughput of sick nodes",
                Unit::PerSecond,
                during(&targets, |f| f.operations_per_second.map(FigureValue::Known)),
            ),
            (
                "errors of sick nodes",
                Unit::Ratio,
                during(&targets, |f| f.error_ratio.map(FigureValue::Known)),
            ),
            ("p99 of sick nodes", Unit::Seconds, during(&targets, |f| f.p99.map(FigureValue::from))),
            (
                "errors of other nodes",
                Unit::Ratio,
                during(&others, |f| f.error_ratio.map(FigureValue::Known)),
            ),
            ("p99 of other nodes", Unit::Seconds, during(&others, |f| f.p99.map(FigureValue::from))),
            ("wrong values", Unit::Count, wrong_values.map(FigureValue::Known).collect()),
        ];
        for (figure, unit, of_nodes) in figures {
            // The value of a run is the worst of its nodes.
            if let Some(value) = of_nodes.into_iter().reduce(|one, other| unit.worse(one, other)) {
                self.push(&report.scenario, figure, unit, value);
            }
        }
    }

    fn push(&mut self, scenario: &str, figure: &'static str, unit: Unit, value: FigureValue) {
        let same = |row: &&mut Row| row.scenario == scenario && row.figure == figure;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.add(value),
            None => self.rows.push(Row::new(scenario, figure, unit, value)),
        }
    }

    /// The spread of every figure that more than one run has.
    pub(crate) fn spreads(&self) -> Vec<Spread> {
        self.rows.iter().filter(|row| row.runs > 1).filter_map(Row::spread).collect()
    }

    /// The spreads as a table. Empty if no scenario ran twice.
    pub(crate) fn table(&self) -> String {
        let mut text = new_table(&["scenario", "figure", "runs", "median", "worst"], 2);
        let (mut is_empty, mut is_cut) = (true, false);
        for spread in self.spreads() {
            is_empty = false;
            is_cut |= spread.runs_in_median < spread.runs;
            text.add_row([
                spread.scenario,
                spread.figure.to_owned(),
                spread.runs.to_string(),
                spread.median.format(spread.unit),
                spread.worst.format(spread.unit),
            ]);
        }
        let note = format!("median: the last {MEDIAN_RUNS} runs; worst: all runs\n");
        match is_empty {
            true => String::new(),
            false => format!("{text}\n{}", if is_cut { note.as_str() } else { "" }),
        }
    }
}

impl Row {
    fn new(scenario: &str, figure: &'static str, unit: Unit, first: FigureValue) -> Row {
        let values = VecDeque::new();
        let mut row =
            Row { scenario: scenario.to_owned(), figure, unit, runs: 0, not_seen: 0, worst: first, values };
        row.add(first);
        row
    }

    fn add(&mut self, value: FigureValue) {
        self.runs += 1;
        self.not_seen += usize::from(value == FigureValue::NotSeen);
        self.worst = self.unit.worse(self.worst, value);
        if self.values.len() == MEDIAN_RUNS {
            self.values.pop_front();
        }
        self.values.push_back(value);
    }

    fn spread(&self) -> Option<Spread> {
        let mut values = Vec::from(self.values.clone());
        values.sort_by(|one, other| one.number().total_cmp(&other.number()));
        let (median, worst) = (FigureValue::median(&values)?, self.worst);
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

    fn report(detect: f64, rate: f64) -> RunReport {
        let figures =
            PhaseFigures { phase: "testing", operations_per_second: Some(rate), ..PhaseFigures::default() };
        let node = NodeReport {
            server: "a".into(),
            target: true,
            hurt: Some(true),
            time_to_detect_seconds: Some(detect),
            recovery: Recovery::Unknown,
            phases: vec![figures],
        };
        RunReport { nodes: vec![node], ..RunReport::without_verdict("x", "r", &[], String::new()) }
    }

    fn spread(reports: impl IntoIterator<Item = RunReport>) -> (serde_json::Value, String) {
        let mut summary = Summary::default();
        reports.into_iter().for_each(|report| summary.add(&report));
        (serde_json::to_value(summary.spreads()).unwrap(), summary.table())
    }

    #[test]
    fn a_lower_bound_stays_a_lower_bound() {
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
        let (row, bounds) =
            p99(&[Quantile::Estimate(0.5), Quantile::Estimate(0.6), Quantile::LowerBound(20.0)]);
        assert!(row.ends_with("| 600 ms | >20.00 s |"), "{row}");
        assert_eq!(bounds, json!(["worst"]));
        // A value above 0.7 s may also be above 0.8 s.
        let (row, bounds) =
            p99(&[Quantile::LowerBound(0.7), Quantile::Estimate(0.7), Quantile::Estimate(0.8)]);
        assert!(row.ends_with("| >700 ms | >800 ms |"), "{row}");
        assert_eq!(bounds, json!(["median", "worst"]));
    }

    #[test]
    fn a_recovery_that_was_not_seen_counts_and_an_unknown_one_does_not() {
        let with = |recovery: Recovery| {
            let mut report = report(0.5, 1_000.0);
            report.nodes.iter_mut().for_each(|node| node.recovery = recovery);
            report
        };
        let recoveries = [Recovery::After(1.0), Recovery::Unknown, Recovery::NotSeen, Recovery::After(2.0)];
        let (json, table) = spread(recoveries.map(with));
        let expected = json!({
            "scenario": "x", "figure": "time to recover", "runs": 3, "not_seen": 1,
            "median": 2.0, "runs_in_median": 3, "worst": null, "lower_bounds": [],
        });
        assert_eq!(json[1], expected);
        assert!(table.contains("|    3 | 2.00 s | not seen |"), "{table}");
    }

    #[test]
    fn the_worst_is_the_lowest_or_the_highest_by_figure() {
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
    fn the_worst_is_of_all_runs() {
        let mut summary = Summary::default();
        summary.add(&report(9.0, 100.0));
        for _ in 0..MEDIAN_RUNS {
            summary.add(&report(0.5, 1_000.0));
        }
        summary.add(&report(7.0, 50.0));
        let found: Vec<_> = summary
            .spreads()
            .into_iter()
            .map(|s| (s.runs, s.runs_in_median, s.median.number(), s.worst.number()))
            .collect();
        assert_eq!(found, [(1_002, 1_000, 0.5, 9.0), (1_002, 1_000, 1_000.0, 50.0)]);
        let note = "\nmedian: the last 1000 runs; worst: all runs\n";
        assert!(summary.table().ends_with(note), "{}", summary.table());
    }
}
