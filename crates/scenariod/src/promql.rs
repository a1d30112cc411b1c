//! PromQL of scenarios: with the placeholders `$targets` and `$others` for nodes, checked before a run, and with its lookback.
//! Pure: queries are sent elsewhere.

mod error;
mod lookback;
pub(crate) mod measured;
mod names;

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::parser::{self, Expr};

pub(crate) use error::QueryError;
use error::{OTHERS, TARGETS};
use lookback::Lookback;
use measured::{Measured, Threshold};

/// A checked query with placeholders for node names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Query {
    template: String,
    lookback: Lookback,
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

/// The nodes of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes<'a> {
    /// The nodes with a fault.
    pub(crate) targets: &'a BTreeSet<String>,
    /// All of the lab, in its order.
    pub(crate) all: &'a [String],
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
        let plain = template.replace(TARGETS, "node").replace(OTHERS, "node");
        if let Some(at) = plain.find('$') {
            let word: String = plain[at..].chars().take_while(|c| *c == '$' || c.is_alphanumeric()).collect();
            return Err(QueryError::Placeholder(word));
        }
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
            lookback: Lookback::of_expr(&expr),
            compared,
            measured: Measured::of_expr(&expr),
            threshold: Threshold::of_expr(&expr),
        })
    }

    /// The metrics in it that are not the lab's.
    #[cfg(test)]
    pub(crate) fn foreign(&self) -> Vec<String> {
        let plain = self.template.replace(TARGETS, "node").replace(OTHERS, "node");
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

    /// How far the query looks back, with this scrape interval.
    pub(crate) fn lookback(&self, interval: Duration) -> Duration {
        self.lookback.with_interval(interval)
    }

    /// A query for the number that is compared, if the query is a single comparison.
    pub(crate) fn compared_value(&self, nodes: Nodes<'_>) -> Option<String> {
        self.compared.as_deref().map(|template| replace_placeholders(template, nodes))
    }

    /// Replaces the placeholders. `None` if the query is about other nodes and there are none.
    pub(crate) fn fill(&self, nodes: Nodes<'_>) -> Option<FilledQuery> {
        let others = || nodes.all.iter().filter(|name| !nodes.targets.contains(*name));
        let (of_targets, of_others) = (self.template.contains(TARGETS), self.template.contains(OTHERS));
        if of_others && others().next().is_none() {
            return None;
        }
        let promql = replace_placeholders(&self.template, nodes);
        let nodes = match (of_targets, of_others) {
            (true, false) => nodes.targets.iter().cloned().collect(),
            (false, true) => others().cloned().collect(),
            (true, true) | (false, false) => Vec::new(),
        };
        Some(FilledQuery { promql, nodes })
    }
}

fn replace_placeholders(template: &str, nodes: Nodes<'_>) -> String {
    let others = nodes.all.iter().filter(|name| !nodes.targets.contains(*name));
    template.replace(TARGETS, &node_pattern(nodes.targets)).replace(OTHERS, &node_pattern(others))
}

/// The left side, if the query is a single comparison.
fn left_side(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Paren(inner) => left_side(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => Some(binary.lhs.to_string()),
        _ => None,
    }
}

/// A regular expression that matches these node names, for a quoted string. Names have letters, digits, `-`, `_` and `.`.
pub(crate) fn node_pattern<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| name.replace('.', "[.]")).collect::<Vec<_>>().join("|")
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
