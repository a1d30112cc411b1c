//! How far a query looks back. At the start of a phase, a query also looks at the phase before. Pure.

use std::time::Duration;

use promql_parser::parser::{Expr, Offset, VectorSelector};

/// A duration plus a number of scrape intervals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lookback {
    time: Duration,
    intervals: u32,
}

impl Lookback {
    pub(super) fn of_expr(expr: &Expr) -> Lookback {
        match expr {
            Expr::Aggregate(aggregate) => Lookback::of_expr(&aggregate.expr),
            Expr::Unary(unary) => Lookback::of_expr(&unary.expr),
            Expr::Paren(paren) => Lookback::of_expr(&paren.expr),
            Expr::Binary(binary) => Lookback::of_expr(&binary.lhs).longest(Lookback::of_expr(&binary.rhs)),
            Expr::Subquery(sub) => {
                Lookback::of_expr(&sub.expr).plus(sub.range).plus(offset(sub.offset.as_ref()))
            }
            Expr::VectorSelector(selector) => of_sample(selector),
            Expr::MatrixSelector(matrix) => match of_recorded(&matrix.vs) {
                Some(recorded) => recorded.plus(matrix.range).plus(offset(matrix.vs.offset.as_ref())),
                None => Lookback { time: matrix.range, intervals: 0 }.plus(offset(matrix.vs.offset.as_ref())),
            },
            Expr::Call(call) => call
                .args
                .args
                .iter()
                .map(|arg| Lookback::of_expr(arg))
                .fold(Lookback::default(), Lookback::longest),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Lookback::default(),
        }
    }

    pub(super) fn with_interval(self, interval: Duration) -> Duration {
        self.time + interval * self.intervals
    }

    fn longest(self, other: Lookback) -> Lookback {
        Lookback { time: self.time.max(other.time), intervals: self.intervals.max(other.intervals) }
    }

    fn plus(self, time: Duration) -> Lookback {
        Lookback { time: self.time.saturating_add(time), ..self }
    }
}

/// A sample is as old as the last scrape, or as the last evaluation of its recording rule.
fn of_sample(selector: &VectorSelector) -> Lookback {
    let plain = Lookback { time: Duration::ZERO, intervals: 1 };
    of_recorded(selector).unwrap_or(plain).plus(offset(selector.offset.as_ref()))
}

fn of_recorded(selector: &VectorSelector) -> Option<Lookback> {
    selector.name.as_deref().filter(|name| name.contains(':'))?;
    Some(Lookback { time: recorded_range(selector).unwrap_or_default(), intervals: 1 })
}

/// The range of a recording rule: the name of its series ends in the seconds that it looks back, such as `rate5s`.
pub(super) fn recorded_range(selector: &VectorSelector) -> Option<Duration> {
    let name = selector.name.as_deref().filter(|name| name.contains(':'))?;
    let rest = name.strip_suffix('s')?;
    let start = rest.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    rest[start..].parse().ok().map(Duration::from_secs)
}

fn offset(offset: Option<&Offset>) -> Duration {
    match offset {
        Some(Offset::Pos(back)) => *back,
        Some(Offset::Neg(_)) | None => Duration::ZERO,
    }
}
