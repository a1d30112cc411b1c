//! PromQL as scenarios write it: with `$targets` and `$others` for nodes, checked before anything is run, and with what it
//! looks back on. Pure: nothing is asked here.

mod error;
mod lookback;
mod names;

use std::collections::BTreeSet;
use std::time::Duration;

use promql_parser::parser::{self, Expr};

pub(crate) use error::QueryError;
use error::{OTHERS, TARGETS};
use lookback::Lookback;

/// A checked query with places for node names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    template: String,
    lookback: Lookback,
    /// What it compares, where it is one comparison.
    compared: Option<String>,
}

/// What a query has to yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
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

/// A query that can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) promql: String,
    /// Where the answer has series by node, it must have all of these.
    pub(crate) nodes: Vec<String>,
}

impl Query {
    pub(crate) fn new(template: &str, yields: Yields) -> Result<Query, QueryError> {
        let template = template.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = template.replace(TARGETS, "node").replace(OTHERS, "node");
        if let Some(at) = plain.find('$') {
            let word: String = plain[at..].chars().take_while(|c| *c == '$' || c.is_alphanumeric()).collect();
            return Err(QueryError::Placeholder(word));
        }
        let expr = parser::parse(&plain).map_err(|error| QueryError::Syntax(error.replace('\n', " ")))?;
        names::check(&expr)?;
        match yields {
            Yields::Truth => truth(&expr)?,
            Yields::Number if truth(&expr).is_ok() => return Err(QueryError::NoNumber),
            Yields::Number => {}
        }
        // Placeholders stand in quoted text, which the parser leaves as it is.
        let compared = parser::parse(&template).ok().as_ref().and_then(compared);
        Ok(Query { template, lookback: Lookback::of(&expr), compared })
    }

    /// The metrics it names that are not the lab's.
    #[cfg(test)]
    pub(crate) fn foreign(&self) -> Vec<String> {
        let plain = self.template.replace(TARGETS, "node").replace(OTHERS, "node");
        parser::parse(&plain).map(|expr| names::foreign(&expr)).unwrap()
    }

    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    /// How far back an answer may look, with metrics this long apart.
    pub(crate) fn lookback(&self, interval: Duration) -> Duration {
        self.lookback.with(interval)
    }

    /// What it compares, to be asked for its value.
    pub(crate) fn compared(&self, nodes: Nodes<'_>) -> Option<String> {
        self.compared.as_deref().map(|template| filled(template, nodes))
    }

    /// With the names of nodes; `None` where it asks for other nodes and there are none.
    pub(crate) fn fill(&self, nodes: Nodes<'_>) -> Option<Filled> {
        let others = || nodes.all.iter().filter(|name| !nodes.targets.contains(*name));
        let (of_targets, of_others) = (self.template.contains(TARGETS), self.template.contains(OTHERS));
        if of_others && others().next().is_none() {
            return None;
        }
        let promql = filled(&self.template, nodes);
        let nodes = match (of_targets, of_others) {
            (true, false) => nodes.targets.iter().cloned().collect(),
            (false, true) => others().cloned().collect(),
            (true, true) | (false, false) => Vec::new(),
        };
        Some(Filled { promql, nodes })
    }
}

fn filled(template: &str, nodes: Nodes<'_>) -> String {
    let others = nodes.all.iter().filter(|name| !nodes.targets.contains(*name));
    template.replace(TARGETS, &pattern(nodes.targets)).replace(OTHERS, &pattern(others))
}

/// The left side of a comparison.
fn compared(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Paren(inner) => compared(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => Some(binary.lhs.to_string()),
        _ => None,
    }
}

/// A regular expression for these names inside a quoted string. Names have letters, digits, `-`, `_` and `.`.
pub(crate) fn pattern<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| name.replace('.', "[.]")).collect::<Vec<_>>().join("|")
}

/// Whether every series of the answer is there, true or false, with 0 or 1.
fn truth(expr: &Expr) -> Result<(), QueryError> {
    match expr {
        Expr::Paren(inner) => truth(&inner.expr),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => {
            let with_bool = binary.modifier.as_ref().is_some_and(|modifier| modifier.return_bool);
            if with_bool { Ok(()) } else { Err(QueryError::Bare(binary.op.to_string())) }
        }
        // `and`, `or` and `unless` pass series on; a product of truths is their conjunction.
        Expr::Binary(binary) if binary.op.is_set_operator() || binary.op.to_string() == "*" => {
            truth(&binary.lhs).and_then(|()| truth(&binary.rhs))
        }
        Expr::Aggregate(aggregate) if matches!(aggregate.op.to_string().as_str(), "min" | "max") => {
            truth(&aggregate.expr)
        }
        _ => Err(QueryError::NoTruth),
    }
}

#[cfg(test)]
mod tests;
