//! Checks that the metrics and labels in a query exist. Names that are not similar to the lab's belong to other exporters. Pure.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use daemon_core::suggest::did_you_mean;
use metrics_core::families::{declared, series_names};
use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::visitor::{ExprVisitor, walk_expr};

use super::QueryError;

/// The recording rules of the lab's Prometheus.
const RULES: &str = include_str!("../../../../prometheus/rules/client.yml");
/// Labels that Prometheus adds, and labels of histograms.
const COMMON_LABELS: [&str; 4] = ["job", "instance", "le", "server"];

/// All series names of the lab.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let recorded = RULES.lines().filter_map(|line| line.trim().strip_prefix("- record: ")).map(str::to_owned);
    series_names().chain(recorded).collect()
});

/// The first words of these names, which distinguish them from those of other exporters.
static PREFIXES: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| KNOWN.iter().map(|name| first_word(name).to_owned()).collect());

static LABELS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    declared().flat_map(|family| family.labels.iter().copied()).chain(COMMON_LABELS).collect()
});

fn first_word(name: &str) -> &str {
    name.split(['_', ':']).next().unwrap_or_default()
}

/// Whether it is a metric of the lab.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(name)
}

pub(super) fn check_names(expr: &Expr) -> Result<(), QueryError> {
    walk_expr(&mut NameCheck, expr).map(|_| ())
}

/// The metrics in a query that are not the lab's.
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

struct NameCheck;

impl ExprVisitor for NameCheck {
    type Error = QueryError;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, QueryError> {
        match expr {
            Expr::VectorSelector(selector) => check_selector(selector)?,
            Expr::MatrixSelector(matrix) => check_selector(&matrix.vs)?,
            _ => {}
        }
        Ok(true)
    }
}

fn check_selector(selector: &VectorSelector) -> Result<(), QueryError> {
    let matchers = selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
    let matchers: Vec<&Matcher> = matchers.collect();
    let named = matchers.iter().find(|matcher| matcher.name == "__name__");
    let Some(name) = selector.name.as_deref().or(named.map(|matcher| matcher.value.as_str())) else {
        return Err(QueryError::UnknownName("must name a metric".to_owned()));
    };
    if !KNOWN.contains(name) {
        // A first word with one typo is taken for ours. With two typos it may be the name of another exporter.
        if PREFIXES.iter().any(|prefix| strsim::osa_distance(first_word(name), prefix) <= 1) {
            let near = did_you_mean(name, KNOWN.iter().map(String::as_str));
            return Err(QueryError::UnknownName(format!("has an unknown metric `{name}`{near}")));
        }
        return Ok(());
    }
    let unknown = matchers.iter().find(|m| m.name != "__name__" && !LABELS.contains(m.name.as_str()));
    match unknown {
        Some(matcher) => {
            let near = did_you_mean(&matcher.name, LABELS.iter().copied());
            Err(QueryError::UnknownName(format!("has an unknown label `{}` of `{name}`{near}", matcher.name)))
        }
        None => Ok(()),
    }
}
