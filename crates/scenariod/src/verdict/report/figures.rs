//! Computes the figures of one node in one phase from the series that Prometheus returned. Pure.

use crate::prometheus::Series;
use crate::scenario::Window;
use crate::verdict::report::PhaseFigures;
use crate::verdict::report::quantile::Quantile;

/// The series of one phase, for all nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhaseSeries {
    /// By `server` and `status`, per second.
    pub(crate) rates: Vec<Series>,
    /// By `server` and `status`.
    pub(crate) operations: Vec<Series>,
    /// By `server` and `type`.
    pub(crate) errors: Vec<Series>,
    /// Histogram buckets of operation times, by `server` and `le`.
    pub(crate) waited: Vec<Series>,
    /// By `server`, `from` and `to`.
    pub(crate) transitions: Vec<Series>,
    pub(crate) wrong_values: Vec<Series>,
}

/// The figures of one node.
pub(crate) fn node_figures(
    phase: &'static str,
    window: Window,
    server: &str,
    all: &PhaseSeries,
) -> PhaseFigures {
    let of_node = |series: &[Series]| -> Vec<(Series, f64)> {
        let value = |series: &Series| series.points.last().map(|(_, value)| (series.clone(), *value));
        let finite = |(series, value): &(Series, f64)| series.label("server") == server && value.is_finite();
        series.iter().filter_map(value).filter(finite).collect()
    };
    let one = |series: &[Series]| of_node(series).first().map(|(_, value)| *value);
    let rates = of_node(&all.rates);
    // Counted between the same scrapes as the errors, so that the error ratio is exact.
    let operations = of_node(&all.operations);
    let total: f64 = operations.iter().map(|(_, count)| count).sum();
    let failed = operations.iter().filter(|(series, _)| series.label("status") == "failed");
    let failed: f64 = failed.map(|(_, count)| count).sum();
    let counted = |series: &[Series], name: fn(&Series) -> String| {
        let some =
            |(series, value): (Series, f64)| Some((name(&series), whole_count(value).filter(|n| *n > 0)?));
        of_node(series).into_iter().filter_map(some).collect()
    };
    let buckets: Vec<&Series> = all.waited.iter().filter(|series| series.label("server") == server).collect();
    let quantile = |quantile| Quantile::from_buckets(&buckets, quantile, window.end - window.start);
    let quantiles = [("p50", quantile(0.5)), ("p99", quantile(0.99))];
    let [(_, p50), (_, p99)] = quantiles;
    let bounds = quantiles.iter().filter(|(_, found)| found.is_some_and(Quantile::is_bound));
    PhaseFigures {
        phase,
        window,
        operations_per_second: (!rates.is_empty()).then(|| rates.iter().map(|(_, rate)| rate).sum()),
        error_ratio: (total > 0.0).then(|| failed / total),
        errors: counted(&all.errors, |series| series.label("type").to_owned()),
        p50,
        p99,
        lower_bounds: bounds.map(|(name, _)| *name).collect(),
        breaker_transitions: counted(&all.transitions, |series| {
            format!("{}>{}", series.label("from"), series.label("to"))
        }),
        wrong_values: one(&all.wrong_values).and_then(whole_count),
    }
}

/// A count as a whole number. `None` if it is negative: the counter was reset.
pub(crate) fn whole_count(value: f64) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts of floats saturate")]
    let count = value.round() as u64;
    (value > -0.5).then_some(count)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn series(labels: &[(&str, &str)], value: f64) -> Series {
        let labels: BTreeMap<String, String> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Series { labels, points: vec![(1.0, value)] }
    }

    #[test]
    fn figures_are_of_one_node_and_no_data_is_none() {
        let operations = |factor: f64| {
            vec![
                series(&[("server", "a"), ("status", "success")], 75.0 * factor),
                series(&[("server", "a"), ("status", "failed")], 25.0 * factor),
                series(&[("server", "b"), ("status", "success")], 7.0 * factor),
            ]
        };
        let answers = PhaseSeries {
            rates: operations(1.0),
            operations: operations(60.0),
            errors: vec![
                series(&[("server", "a"), ("type", "timeout")], 100.0),
                series(&[("server", "a"), ("type", "io")], 0.0),
            ],
            waited: vec![
                series(&[("server", "a"), ("le", "0.5")], 60.0),
                series(&[("server", "a"), ("le", "1")], 100.0),
                series(&[("server", "a"), ("le", "60")], 120.0),
                series(&[("server", "a"), ("le", "+Inf")], 120.0),
                series(&[("server", "b"), ("le", "+Inf")], 120.0),
            ],
            transitions: vec![series(&[("server", "a"), ("from", "closed"), ("to", "open")], 1.0)],
            wrong_values: vec![series(&[("server", "a")], -3.0)],
        };
        let window = Window { start: 100.0, end: 106.0 };
        let found = node_figures("testing", window, "a", &answers);
        assert_eq!((found.operations_per_second, found.error_ratio), (Some(100.0), Some(0.25)));
        assert_eq!(found.errors, BTreeMap::from([("timeout".to_owned(), 100)]));
        assert_eq!((found.p50, found.p99), (Some(Quantile::Estimate(0.5)), Some(Quantile::LowerBound(1.0))));
        assert_eq!((found.lower_bounds, found.wrong_values), (vec!["p99"], None));
        assert_eq!(found.breaker_transitions, BTreeMap::from([("closed>open".to_owned(), 1)]));
        let nothing = node_figures("testing", Window::default(), "c", &answers);
        assert_eq!((nothing.operations_per_second, nothing.error_ratio), (None, None));
    }
}
