//! What a query measures, as far as it decides how a machine without free CPUs changes its value. Pure.

use std::convert::Infallible;

use metrics_core::families::machine::{Nature, nature};
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::visitor::{ExprVisitor, walk_expr};

/// What a query measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    /// Wrong values.
    WrongValues,
    /// A state or the time of an event.
    State,
    /// A share of the operations, from 0 to 1.
    Share,
    /// A quantile of times, as a share: 0.99.
    Quantile(f64),
    /// An amount: operations, a rate, a time.
    Amount,
}

/// The comparison of a query with a fixed number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) side: Side,
    pub(crate) value: f64,
}

/// On which side of the number the query is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
}

impl Measured {
    pub(super) fn of_expr(expr: &Expr) -> Measured {
        let mut found = Found::default();
        match walk_expr(&mut found, expr) {
            Ok(_) => {}
            Err(never) => match never {},
        }
        let has = |wanted: Nature| found.natures.contains(&wanted);
        if has(Nature::WrongValue) {
            Measured::WrongValues
        } else if has(Nature::State) {
            Measured::State
        } else if let Some(quantile) = found.quantile {
            Measured::Quantile(quantile)
        } else if found.is_share {
            Measured::Share
        } else {
            Measured::Amount
        }
    }
}

impl Threshold {
    /// `None` unless the query is a single comparison with a number on its right side.
    pub(super) fn of_expr(expr: &Expr) -> Option<Threshold> {
        match expr {
            Expr::Paren(inner) => Threshold::of_expr(&inner.expr),
            Expr::Binary(binary) => {
                let Expr::NumberLiteral(number) = binary.rhs.as_ref() else { return None };
                let side = match binary.op.to_string().as_str() {
                    ">" | ">=" => Side::Above,
                    "<" | "<=" => Side::Below,
                    _ => return None,
                };
                Some(Threshold { side, value: number.val })
            }
            _ => None,
        }
    }
}

#[derive(Default)]
struct Found {
    natures: Vec<Nature>,
    quantile: Option<f64>,
    is_share: bool,
}

impl Found {
    fn metric(&mut self, selector: &VectorSelector) {
        let Some(name) = selector.name.as_deref() else { return };
        self.natures.push(nature(name));
        // The name of a recorded series says what was computed.
        if name.contains(':') {
            self.is_share |= name.contains("_ratio") || name.contains("_share");
            let recorded = name.rsplit(':').next().and_then(|end| end.strip_prefix('p')?.split('_').next());
            let percent: Option<f64> = recorded.and_then(|digits| digits.parse().ok());
            self.quantile = self.quantile.or(percent.map(|percent| percent / 100.0));
        }
    }
}

impl ExprVisitor for Found {
    type Error = Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Infallible> {
        match expr {
            Expr::VectorSelector(selector) => self.metric(selector),
            Expr::MatrixSelector(matrix) => self.metric(&matrix.vs),
            Expr::Binary(binary) if binary.op.to_string() == "/" => self.is_share = true,
            Expr::Call(call) if call.func.name == "histogram_quantile" => {
                // A quantile that is computed is as sensitive as a high one.
                let number = call.args.args.first().and_then(|first| match first.as_ref() {
                    Expr::NumberLiteral(number) => Some(number.val),
                    _ => None,
                });
                self.quantile = Some(number.unwrap_or(0.99));
            }
            _ => {}
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use promql_parser::parser;

    use super::*;

    fn measured(promql: &str) -> Measured {
        Measured::of_expr(&parser::parse(promql).unwrap())
    }

    #[test]
    fn what_is_measured_follows_from_the_metrics() {
        for (promql, expected) in [
            ("sum(increase(memcache_corrupt_reads_total[5s])) > bool 0", Measured::WrongValues),
            ("time() - memcache_last_error_timestamp_seconds > bool 1", Measured::State),
            ("memcache_circuit_breaker_state == bool 0", Measured::State),
            ("server:memcache_error_ratio:rate5s < bool 0.01", Measured::Share),
            ("clamp_min(server:memcache_slow_share:rate5s, 0.1)", Measured::Share),
            (
                "sum(rate(memcache_hits_total[5s])) / sum(rate(memcache_operations_total[5s])) > bool 0.9",
                Measured::Share,
            ),
            ("server:memcache_operation_duration_seconds:p99_5s < bool 1", Measured::Quantile(0.99)),
            (
                "histogram_quantile(0.5, sum by (le) (rate(memcache_operation_service_seconds_bucket[5s])))",
                Measured::Quantile(0.5),
            ),
            ("server:memcache_operations:rate5s", Measured::Amount),
            ("mycache_requests > bool 1", Measured::Amount),
        ] {
            assert_eq!(measured(promql), expected, "{promql}");
        }
    }

    #[test]
    fn a_threshold_is_a_number_on_the_right_side() {
        let of = |promql: &str| Threshold::of_expr(&parser::parse(promql).unwrap());
        assert_eq!(of("(up < bool 0.01)"), Some(Threshold { side: Side::Below, value: 0.01 }));
        assert_eq!(of("up >= bool 2"), Some(Threshold { side: Side::Above, value: 2.0 }));
        assert_eq!((of("up == bool 2"), of("up > bool sum(up)"), of("up")), (None, None, None));
    }
}
