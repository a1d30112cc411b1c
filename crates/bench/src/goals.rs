//! The goals, and how far a measured figure is from its goal. Pure.

use crate::rounds::{Reading, Spread};
use crate::subject::{Case, Mix, Subject};

/// Identical loops differ by this much between two runs, so a smaller miss is not significant.
const NOISE: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    Ratio,
    /// A ratio, shown as the part above one.
    PercentAbove,
    /// A share of 1, shown in percent.
    Percent,
    Kilobytes,
    Megabytes,
    Microseconds,
    Milliseconds,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) figure: String,
    pub(crate) goal: Goal,
    pub(crate) unit: Unit,
    pub(crate) measured: Spread,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Met,
    /// Missed by this share of the goal, which is within the noise.
    Near(f64),
    Missed(f64),
}

impl Row {
    pub(crate) fn verdict(&self) -> Verdict {
        let miss = match self.goal {
            Goal::AtMost(goal) => self.measured.median / goal - 1.0,
            Goal::AtLeast(goal) => 1.0 - self.measured.median / goal,
        };
        match miss {
            ..=0.0 => Verdict::Met,
            _ if miss <= NOISE => Verdict::Near(miss),
            _ => Verdict::Missed(miss),
        }
    }
}

type Figure = fn(&Reading) -> f64;

/// The readings of one case, one series per subject, each in the order of the rounds.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub(crate) case: Case,
    pub(crate) series: Vec<(Subject, Vec<Reading>)>,
}

impl Comparison {
    pub(crate) fn of(&self, subject: Subject) -> Option<&[Reading]> {
        self.series.iter().find(|(other, _)| *other == subject).map(|(_, readings)| readings.as_slice())
    }

    fn ratio(&self, over: Subject, under: Subject, figure: Figure) -> Option<Spread> {
        let of = |subject| Some(self.of(subject)?.iter().map(figure).collect::<Vec<_>>());
        Spread::ratio(&of(over)?, &of(under)?)
    }

    /// The goals that this case has figures for.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let Case { connections, mix, threads } = self.case;
        let load = format!("{connections} connections, {}", mix.title());
        let cost: Figure = |reading| reading.cost;
        let rate: Figure = |reading| reading.rate;
        let mut rows = Vec::new();
        let mut row = |figure: String, goal, unit, measured: Option<Spread>| {
            rows.extend(measured.map(|measured| Row { figure, goal, unit, measured }));
        };
        let loadgen = Subject::Loadgen;
        row(
            format!("CPU/op over the floor, {load}"),
            Goal::AtMost(1.08),
            Unit::Ratio,
            self.ratio(loadgen, Subject::Floor, cost),
        );
        row(
            format!("CPU/op over memaslap, {load}"),
            Goal::AtMost(1.0),
            Unit::Ratio,
            self.ratio(loadgen, Subject::Memaslap, cost),
        );
        if connections == 32 && threads == 1 {
            row(
                format!("ops/s over memaslap, {load}"),
                Goal::AtLeast(1.0),
                Unit::Ratio,
                self.ratio(loadgen, Subject::Memaslap, rate),
            );
        }
        if mix == Mix::NinetyTen {
            let goal = Goal::AtMost(if threads == 1 { 1.03 } else { 1.05 });
            row(
                format!("instrumentation, {load}, {threads} thread{}", if threads == 1 { "" } else { "s" }),
                goal,
                Unit::PercentAbove,
                self.ratio(loadgen, Subject::Bare, cost),
            );
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Goal, Row, Unit, Verdict};
    use crate::rounds::{Reading, Spread};
    use crate::subject::{Case, Mix, Subject};

    fn verdict(goal: Goal, median: f64) -> Verdict {
        let measured = Spread { median, min: median, max: median };
        Row { figure: String::new(), goal, unit: Unit::Ratio, measured }.verdict()
    }

    #[test]
    fn a_miss_within_the_noise_is_a_verdict_of_its_own() {
        assert_eq!(verdict(Goal::AtMost(1.0), 1.0), Verdict::Met);
        assert!(matches!(verdict(Goal::AtMost(1.0), 1.04), Verdict::Near(_)));
        assert!(matches!(verdict(Goal::AtMost(1.0), 1.06), Verdict::Missed(_)));
        assert!(matches!(verdict(Goal::AtLeast(2.0), 1.95), Verdict::Near(_)));
        assert!(matches!(verdict(Goal::AtLeast(2.0), 1.5), Verdict::Missed(by) if (by - 0.25).abs() < 1e-9));
    }

    #[test]
    fn a_case_has_rows_for_its_measured_subjects() {
        let series = |cost| vec![Reading { rate: 1e6 / cost, cost, others: 0.0 }; 5];
        let mut comparison = Comparison {
            case: Case { connections: 32, mix: Mix::NinetyTen, threads: 1 },
            series: vec![(Subject::Loadgen, series(6.6)), (Subject::Floor, series(6.0))],
        };
        let rows = comparison.rows();
        assert_eq!(rows.len(), 1);
        assert!((rows[0].measured.median - 1.1).abs() < 1e-9);
        comparison.series.push((Subject::Bare, series(6.0)));
        comparison.series.push((Subject::Memaslap, series(6.3)));
        assert_eq!(comparison.rows().len(), 4);
    }
}
