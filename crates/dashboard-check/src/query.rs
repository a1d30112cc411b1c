//! What a query selects, how it groups, and the measure of its result. Pure: it sends no query, and knows metrics only by the
//! end of their names.

use std::collections::BTreeSet;

use promql_parser::label::{Labels, MatchOp};
use promql_parser::parser::{self, Expr, VectorSelector, token};

/// Stands for `$__range` while a query is parsed. No query contains this duration itself.
const RANGE: &str = "7919s";
/// Stands for `$__rate_interval`.
const RATE_INTERVAL: &str = "7907s";

/// A query of a dashboard file.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Its selectors, in order.
    pub selectors: Vec<Selector>,
    /// The labels it groups or joins by.
    pub labels: BTreeSet<String>,
    /// The quantiles that it computes from histograms.
    pub quantiles: Vec<f64>,
    /// The measure of its result.
    pub measure: Measure,
}

/// A selector.
#[derive(Debug, Clone)]
pub struct Selector {
    /// The metric.
    pub metric: String,
    /// Its label matchers.
    pub matchers: Vec<LabelMatcher>,
    /// The function that it is an argument of, e.g. `rate`.
    pub function: Option<&'static str>,
    /// How far it looks back, for a range selector.
    pub window: Option<Lookback>,
}

/// A condition on a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelMatcher {
    /// The label.
    pub label: String,
    /// Whether the label must match.
    pub kind: MatchKind,
    /// The value or the pattern.
    pub value: String,
}

/// Whether a label must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchKind {
    /// `=` and `=~`.
    Match,
    /// `!=` and `!~`.
    NoMatch,
}

/// How far a selector looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookback {
    /// Over the whole time range of the dashboard.
    Range,
    /// From one point to the next.
    RateInterval,
    /// Over a fixed duration.
    Fixed,
}

/// What numbers measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// A number of things, a state, or a number without a unit.
    #[default]
    Count,
    /// A constant.
    Number,
    /// 0 or 1.
    Truth,
    /// A duration or a time.
    Seconds,
    /// A number of things per second.
    PerSecond,
    /// From 0 to 1.
    Share,
    /// From 0 to 100.
    Percent,
    /// A size.
    Bytes,
}

impl Measure {
    /// Grafana's units for it.
    pub(crate) fn units(self) -> &'static [&'static str] {
        match self {
            Self::Count | Self::Number | Self::Truth => &["none", "short"],
            Self::Seconds => &["s"],
            Self::PerSecond => &["ops", "cps"],
            Self::Share => &["percentunit"],
            Self::Percent => &["percent"],
            Self::Bytes => &["bytes"],
        }
    }

    fn by_name(metric: &str) -> Self {
        if let [_, name, how] = metric.split(':').collect::<Vec<_>>()[..] {
            return match () {
                () if name.ends_with("_ratio") || name.ends_with("_share") => Self::Share,
                () if how.starts_with("rate") => Self::PerSecond,
                () => Self::by_name(name),
            };
        }
        let ends = |end| metric.ends_with(end);
        match () {
            () if ends("_seconds") || ends("_seconds_total") || ends("_seconds_sum") => Self::Seconds,
            () if ends("_bytes") => Self::Bytes,
            () if ends("_rate") || ends("_per_second") => Self::PerSecond,
            () => Self::Count,
        }
    }
}

impl Query {
    /// Parses a query with its variables.
    ///
    /// # Errors
    /// The message of the parser.
    pub fn read(promql: &str) -> Result<Self, String> {
        let plain = promql
            .replace("$__rate_interval_ms", "4000")
            .replace("$__rate_interval", RATE_INTERVAL)
            .replace("$__range", RANGE)
            .replace("$slo", "0.9");
        let mut query = Self::default();
        query.measure = query.walk(&parser::parse(&plain)?, None);
        Ok(query)
    }

    fn walk(&mut self, expr: &Expr, function: Option<&'static str>) -> Measure {
        match expr {
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Measure::Number,
            Expr::Paren(paren) => self.walk(&paren.expr, function),
            Expr::Unary(unary) => self.walk(&unary.expr, None),
            Expr::Subquery(sub) => self.walk(&sub.expr, None),
            Expr::VectorSelector(selector) => self.select(selector, function, None),
            Expr::MatrixSelector(matrix) => {
                let seconds = format!("{}s", matrix.range.as_secs());
                let window = match seconds.as_str() {
                    RANGE => Lookback::Range,
                    RATE_INTERVAL => Lookback::RateInterval,
                    _ => Lookback::Fixed,
                };
                self.select(&matrix.vs, function, Some(window))
            }
            Expr::Aggregate(aggregate) => {
                self.label(aggregate.modifier.as_ref().map(|modifier| modifier.labels()));
                let inner = self.walk(&aggregate.expr, None);
                if aggregate.op.id() == token::T_COUNT { Measure::Count } else { inner }
            }
            Expr::Call(call) => {
                let args: Vec<_> =
                    call.args.args.iter().map(|arg| (self.walk(arg, Some(call.func.name)), arg)).collect();
                let inner = args.last().map_or(Measure::Number, |(measure, _)| *measure);
                match (call.func.name, inner) {
                    ("time", _) => Measure::Seconds,
                    ("histogram_quantile", _) => {
                        self.quantiles.extend(args.first().and_then(|(_, arg)| match &***arg {
                            Expr::NumberLiteral(number) => Some(number.val),
                            _ => None,
                        }));
                        let has_seconds =
                            self.selectors.last().is_some_and(|s| s.metric.contains("_seconds"));
                        if has_seconds { Measure::Seconds } else { Measure::Count }
                    }
                    ("rate" | "irate", Measure::Seconds) => Measure::Count,
                    ("rate" | "irate", _) => Measure::PerSecond,
                    ("avg_over_time", Measure::Truth) => Measure::Share,
                    _ => inner,
                }
            }
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.label(modifier.matching.as_ref().map(|matching| matching.labels()));
                    self.label(modifier.card.labels());
                }
                let (left, right) = (self.walk(&binary.lhs, None), self.walk(&binary.rhs, None));
                let is_division = binary.op.id() == token::T_DIV;
                let is_bool = binary.modifier.as_ref().is_some_and(|modifier| modifier.return_bool);
                match (left, right) {
                    _ if is_bool => Measure::Truth,
                    (Measure::Share, Measure::Number) if is_division => Measure::Count,
                    (left, right) if is_division && left == right => Measure::Share,
                    (Measure::Number, Measure::Share) if binary.op.id() == token::T_MUL => Measure::Percent,
                    (Measure::Number, right) => right,
                    (left, _) => left,
                }
            }
        }
    }

    fn label(&mut self, labels: Option<&Labels>) {
        self.labels.extend(labels.into_iter().flat_map(|labels| labels.labels.iter().cloned()));
    }

    fn select(
        &mut self,
        selector: &VectorSelector,
        function: Option<&'static str>,
        window: Option<Lookback>,
    ) -> Measure {
        let matchers = selector.matchers.matchers.iter().map(|matcher| {
            let kind = match matcher.op {
                MatchOp::Equal | MatchOp::Re(_) => MatchKind::Match,
                MatchOp::NotEqual | MatchOp::NotRe(_) => MatchKind::NoMatch,
            };
            LabelMatcher { label: matcher.name.clone(), kind, value: matcher.value.clone() }
        });
        let metric = selector.name.clone().unwrap_or_default();
        let measure = Measure::by_name(&metric);
        self.selectors.push(Selector { metric, matchers: matchers.collect(), function, window });
        measure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_has_its_function_and_window() {
        let query =
            Query::read("sum by (a, b) (rate(x_total{c=~\"$c\",d!=\"e\"}[$__rate_interval])) > y").unwrap();
        let [x, y] = &query.selectors[..] else { panic!("{query:?}") };
        assert_eq!(
            (x.metric.as_str(), x.function, x.window),
            ("x_total", Some("rate"), Some(Lookback::RateInterval))
        );
        let matcher = |label: &str, kind, value: &str| LabelMatcher {
            label: label.to_owned(),
            kind,
            value: value.to_owned(),
        };
        assert_eq!(x.matchers, [matcher("c", MatchKind::Match, "$c"), matcher("d", MatchKind::NoMatch, "e")]);
        assert_eq!((y.metric.as_str(), y.function, y.window), ("y", None, None));
        assert_eq!(query.labels, ["a", "b"].map(str::to_owned).into());
        assert!(Query::read("sum(").is_err());
    }

    #[test]
    fn the_measure_of_a_query_follows_from_its_parts() {
        for (promql, measure) in [
            ("sum(rate(a_total[$__rate_interval]))", Measure::PerSecond),
            ("sum(increase(a_total[$__range]))", Measure::Count),
            ("rate(a_total[5s]) / (sum(rate(b_total[5s])) > 0)", Measure::Share),
            ("100 * (increase(a_total[5s]) / increase(b_total[5s])) / (1 - $slo)", Measure::Percent),
            ("(increase(a_total[5s]) / increase(b_total[5s])) / (1 - $slo)", Measure::Count),
            ("histogram_quantile(0.9, sum by (le) (rate(a_seconds_bucket[5s])))", Measure::Seconds),
            ("rate(process_cpu_seconds_total[5s])", Measure::Count),
            ("avg_over_time((a > bool 0)[$__range:1s])", Measure::Share),
            (
                "max(last_over_time(a_timestamp_seconds[5s]) - last_over_time(b_seconds[5s]))",
                Measure::Seconds,
            ),
            ("count(a_seconds) or vector(0)", Measure::Count),
            ("b:a_ratio:rate5s", Measure::Share),
            ("sum(b:a:rate5s)", Measure::PerSecond),
            ("b:a_seconds:p99_5s", Measure::Seconds),
            ("sum(a_bytes)", Measure::Bytes),
        ] {
            assert_eq!(Query::read(promql).unwrap().measure, measure, "{promql}");
        }
        assert_eq!(Query::read("histogram_quantile(0.9, a_bucket)").unwrap().quantiles, [0.9]);
    }
}
