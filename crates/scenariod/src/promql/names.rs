//! Whether the metrics and labels a query names exist. Names that are not the lab's are another exporter's. Pure.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use daemon_core::suggest::did_you_mean;
use metrics_core::families::{declared, series_names};
use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::visitor::{ExprVisitor, walk_expr};

use super::QueryError;

/// The rules that the lab's Prometheus records.
const RULES: &str = include_str!("../../../../prometheus/rules/client.yml");
/// What Prometheus adds to every series, and what buckets have.
const COMMON_LABELS: [&str; 4] = ["job", "instance", "le", "server"];

/// Every name a series of the lab may have.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let recorded = RULES.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned);
    series_names().chain(recorded).collect()
});

/// The first words of names, by which the lab's are told from others'.
static OURS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| KNOWN.iter().map(|name| first_word(name).to_owned()).collect());

static LABELS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    declared().flat_map(|family| family.labels.iter().copied()).chain(COMMON_LABELS).collect()
});

fn first_word(name: &str) -> &str {
    name.split(['_', ':']).next().unwrap_or_default()
}

pub(super) fn check(expr: &Expr) -> Result<(), QueryError> {
    walk_expr(&mut Names, expr).map(|_| ())
}

/// The metrics a query names that are not the lab's.
#[cfg(test)]
pub(super) fn foreign(expr: &Expr) -> Vec<String> {
    struct Foreign(Vec<String>);

    impl ExprVisitor for Foreign {
        type Error = std::convert::Infallible;

        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
            let name = match expr {
                Expr::VectorSelector(selector) => selector.name.clone(),
                Expr::MatrixSelector(matrix) => matrix.vs.name.clone(),
                _ => None,
            };
            self.0.extend(name.filter(|name| !KNOWN.contains(name)));
            Ok(true)
        }
    }

    let mut foreign = Foreign(Vec::new());
    let _ = walk_expr(&mut foreign, expr);
    foreign.0
}

struct Names;

impl ExprVisitor for Names {
    type Error = QueryError;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, QueryError> {
        match expr {
            Expr::VectorSelector(selector) => selected(selector)?,
            Expr::MatrixSelector(matrix) => selected(&matrix.vs)?,
            _ => {}
        }
        Ok(true)
    }
}

fn selected(selector: &VectorSelector) -> Result<(), QueryError> {
    let matchers = selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
    let matchers: Vec<&Matcher> = matchers.collect();
    let named = matchers.iter().find(|matcher| matcher.name == "__name__");
    let Some(name) = selector.name.as_deref().or(named.map(|matcher| matcher.value.as_str())) else {
        return Err(QueryError::Name("selects series without naming a metric".to_owned()));
    };
    if !KNOWN.contains(name) {
        // One slip away from one of our words is meant as ours; two may be somebody else's word.
        if OURS.iter().any(|ours| strsim::osa_distance(first_word(name), ours) <= 1) {
            let near = did_you_mean(name, KNOWN.iter().map(String::as_str));
            return Err(QueryError::Name(format!("unknown metric `{name}`{near}")));
        }
        return Ok(());
    }
    let unknown = matchers.iter().find(|m| m.name != "__name__" && !LABELS.contains(m.name.as_str()));
    match unknown {
        Some(matcher) => {
            let near = did_you_mean(&matcher.name, LABELS.iter().copied());
            Err(QueryError::Name(format!("unknown label `{}` of `{name}`{near}", matcher.name)))
        }
        None => Ok(()),
    }
}
