//! How many samples a query needs in its ranges, and whether a scrape interval yields them. Pure.

use std::fmt;
use std::time::Duration;

use promql_parser::parser::Expr;

use super::lookback::recorded_range;
use super::names::is_known;
use crate::text::format_duration;

/// Functions of two samples or more. Other functions of a range need one.
const OF_TWO_SAMPLES: [&str; 11] = [
    "rate",
    "increase",
    "irate",
    "delta",
    "idelta",
    "deriv",
    "predict_linear",
    "changes",
    "resets",
    "holt_winters",
    "double_exponential_smoothing",
];

/// A number of samples that a query needs in a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampleNeed {
    samples: u32,
    range: Duration,
    source: Source,
}

/// Where the samples of a range come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Scrapes,
    /// A subquery with a step of its own.
    Subquery(Duration),
}

/// A range that is too short for the interval between its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SparseSamples {
    need: SampleNeed,
    interval: Duration,
}

impl fmt::Display for SparseSamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SampleNeed { samples, range, source } = self.need;
        let plural = if samples == 1 { "" } else { "s" };
        let (range, interval) = (format_duration(range), format_duration(self.interval));
        write!(f, "needs {samples} sample{plural} in {range}, but ")?;
        match source {
            Source::Scrapes => write!(f, "Prometheus scrapes every {interval}"),
            Source::Subquery(_) => write!(f, "its subquery has a step of {interval}"),
        }
    }
}

/// What a query needs in each of its ranges.
pub(super) fn sample_needs(expr: &Expr) -> Vec<SampleNeed> {
    let mut needs = Vec::new();
    collect(expr, 1, &mut needs);
    needs
}

/// The first range that yields too few samples at this scrape interval.
pub(super) fn find_sparse(needs: &[SampleNeed], scrapes: Duration) -> Option<SparseSamples> {
    let sparse = |need: &SampleNeed| {
        let interval = match need.source {
            Source::Scrapes => scrapes,
            // Between two scrapes, a subquery finds the same sample again.
            Source::Subquery(step) => step,
        };
        let is_sparse = interval.saturating_mul(need.samples) > need.range;
        is_sparse.then_some(SparseSamples { need: *need, interval })
    };
    needs.iter().find_map(sparse)
}

/// `samples` is the number that the function around the expression needs.
fn collect(expr: &Expr, samples: u32, needs: &mut Vec<SampleNeed>) {
    let mut scraped = |samples, range| needs.push(SampleNeed { samples, range, source: Source::Scrapes });
    match expr {
        Expr::Aggregate(aggregate) => collect(&aggregate.expr, 1, needs),
        Expr::Unary(unary) => collect(&unary.expr, 1, needs),
        Expr::Paren(paren) => collect(&paren.expr, samples, needs),
        Expr::Binary(binary) => {
            collect(&binary.lhs, 1, needs);
            collect(&binary.rhs, 1, needs);
        }
        Expr::Call(call) => {
            let samples = if OF_TWO_SAMPLES.contains(&call.func.name) { 2 } else { 1 };
            call.args.args.iter().for_each(|arg| collect(arg, samples, needs));
        }
        Expr::Subquery(sub) => {
            let source = sub.step.map_or(Source::Scrapes, Source::Subquery);
            needs.push(SampleNeed { samples, range: sub.range, source });
            collect(&sub.expr, 1, needs);
        }
        // A recorded rate needs two samples in the range of its rule.
        Expr::VectorSelector(selector) => {
            if let Some(range) = recorded_range(selector) {
                scraped(2, range);
            }
        }
        Expr::MatrixSelector(matrix) => {
            if let Some(range) = recorded_range(&matrix.vs) {
                scraped(2, range);
            }
            // Prometheus may scrape other exporters at other intervals.
            if matrix.vs.name.as_deref().is_some_and(is_known) {
                scraped(samples, matrix.range);
            }
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}
