//! PromQL of scenarios: with placeholders for nodes, checked before a run, and with its lookback.
//! Pure: queries are sent elsewhere.

mod error;
mod lookback;
pub(crate) mod measured;
mod names;
mod placeholder;
pub(crate) mod restrict;
mod sampling;

use std::time::Duration;

use promql_parser::parser::{self, Expr};

pub(crate) use error::QueryError;
use lookback::Lookback;
use measured::{Measured, Threshold};
use placeholder::Placeholders;
pub(crate) use placeholder::{Nodes, node_pattern};
use sampling::SampleNeed;
pub(crate) use sampling::SparseSamples;

/// A checked query with placeholders for node names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    template: String,
    placeholders: Placeholders,
    lookback: Lookback,
    needs: Vec<SampleNeed>,
    /// The left side of the comparison, if the query is one.
    compared: Option<String>,
    measured: Measured,
    threshold: Option<Threshold>,
}

/// What a query must return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ValueKind {
    /// 0 or 1 for each series.
    Truth,
    /// Any number.
    Number,
}

/// A query without placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilledQuery {
    pub(crate) promql: String,
    /// If the result has series per node, each of these nodes must have one.
    pub(crate) nodes: Vec<String>,
}

impl Query {
    pub(crate) fn new(template: &str, kind: ValueKind) -> Result<Query, QueryError> {
        let template = template.split_whitespace().collect::<Vec<_>>().join(" ");
        let placeholders = Placeholders::find(&template)?;
        let plain = placeholder::blank(&template, "node");
        let expr = parser::parse(&plain).map_err(|error| QueryError::Syntax(error.replace('\n', " ")))?;
        names::check_names(&expr)?;
        match kind {
            ValueKind::Truth => check_boolean(&expr)?,
            ValueKind::Number if check_boolean(&expr).is_ok() => return Err(QueryError::NotNumber),
            ValueKind::Number => {}
        }
        // Placeholders are inside quoted text, which the parser does not change.
        let compared = parser::parse(&template).ok().as_ref().and_then(left_side);
        Ok(Query {
            template,
            placeholders,
            lookback: Lookback::of_expr(&expr),
            needs: sampling::sample_needs(&expr),
            compared,
            measured: Measured::of_expr(&expr),
            threshold: Threshold::of_expr(&expr),
        })
    }

    /// The metrics in it that are not the lab's.
    #[cfg(test)]
    pub(crate) fn foreign(&self) -> Vec<String> {
        let plain = placeholder::blank(&self.template, "node");
        parser::parse(&plain).map(|expr| names::foreign(&expr)).unwrap()
    }

    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    pub(crate) fn measured(&self) -> Measured {
        self.measured
    }

    /// The number that the query compares with, if it is a single comparison.
    pub(crate) fn threshold(&self) -> Option<Threshold> {
        self.threshold
    }

    /// The number of nodes that a lab must have for it.
    pub(crate) fn nodes_needed(&self) -> usize {
        self.placeholders.nodes_needed()
    }

    /// How far the query looks back, with this scrape interval.
    pub(crate) fn lookback(&self, interval: Duration) -> Duration {
        self.lookback.with_interval(interval)
    }

    /// Whether the query needs more samples than Prometheus takes at this scrape interval.
    pub(crate) fn find_sparse(&self, interval: Duration) -> Option<SparseSamples> {
        sampling::find_sparse(&self.needs, interval)
    }

    /// A query for the number that is compared, if the query is a single comparison.
    pub(crate) fn compared_value(&self, nodes: Nodes<'_>) -> Option<String> {
        self.compared.as_deref().map(|template| placeholder::fill(template, nodes))
    }

    /// Replaces the placeholders. `None` if the query is about other nodes and there are none.
    pub(crate) fn fill(&self, nodes: Nodes<'_>) -> Option<FilledQuery> {
        let Placeholders { targets, others, positions } = &self.placeholders;
        if *others && nodes.others().next().is_none() {
            return None;
        }
        let promql = placeholder::fill(&self.template, nodes);
        let at = |position: &usize| nodes.all.get(position - 1).cloned();
        let nodes = match (targets, others, positions.is_empty()) {
            (true, false, true) => nodes.targets.iter().cloned().collect(),
            (false, true, true) => nodes.others().cloned().collect(),
            (false, false, false) => positions.iter().filter_map(at).collect(),
            _ => Vec::new(),
        };
        Some(FilledQuery { promql, nodes })
    }
}

/// The left side, if the query is a single comparison.
fn left_side(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Paren(inner) => left_side(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => Some(binary.lhs.to_string()),
        _ => None,
    }
}

/// A duration as PromQL writes it, such as `1500ms`.
pub(crate) fn format_range(seconds: f64) -> String {
    let range = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1));
    format!("{}ms", range.as_millis().max(1))
}

/// Checks that the query returns every series with 0 or 1, and drops none that is false.
fn check_boolean(expr: &Expr) -> Result<(), QueryError> {
    match expr {
        Expr::Paren(inner) => check_boolean(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => {
            let with_bool = binary.modifier.as_ref().is_some_and(|modifier| modifier.return_bool);
            if with_bool { Ok(()) } else { Err(QueryError::MissingBool(binary.op.to_string())) }
        }
        // `and`, `or` and `unless` pass series through. `*` of two booleans is their conjunction.
        Expr::Binary(binary) if binary.op.is_set_operator() || binary.op.to_string() == "*" => {
            check_boolean(&binary.lhs).and_then(|()| check_boolean(&binary.rhs))
        }
        Expr::Aggregate(aggregate) if matches!(aggregate.op.to_string().as_str(), "min" | "max") => {
            check_boolean(&aggregate.expr)
        }
        _ => Err(QueryError::NotBoolean),
    }
}

#[cfg(test)]
mod tests;
