//! Restricts a query to the series of some load generators. Pure.

use metrics_core::families::client::readings::exports;
use promql_parser::label::Matcher;
use promql_parser::parser::{self, Expr, VectorSelector};

/// The load generators whose series count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveTargets {
    pub(crate) jobs: Vec<String>,
    pub(crate) instances: Vec<String>,
}

/// The query for these load generators only. Series of recording rules and of other exporters stay as they are.
pub(crate) fn restrict(promql: &str, live: &LiveTargets) -> String {
    let (Ok(mut expr), Some(matchers)) = (parser::parse(promql), live.matchers()) else {
        return promql.to_owned();
    };
    add(&mut expr, &matchers);
    expr.to_string()
}

impl LiveTargets {
    /// Made by the parser, because only it knows how a regular expression is read.
    fn matchers(&self) -> Option<Vec<Matcher>> {
        let text = format!("x{{{},{}}}", matcher("job", &self.jobs), matcher("instance", &self.instances));
        match parser::parse(&text) {
            Ok(Expr::VectorSelector(selector)) => Some(selector.matchers.matchers),
            Ok(_) | Err(_) => None,
        }
    }
}

fn matcher(label: &str, values: &[String]) -> String {
    let quoted = |text: String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    match values {
        [value] => format!("{label}={}", quoted(value.clone())),
        several => {
            let patterns: Vec<String> = several.iter().map(|value| escape(value)).collect();
            format!("{label}=~{}", quoted(patterns.join("|")))
        }
    }
}

/// A regular expression that matches this text only.
fn escape(text: &str) -> String {
    let escaped = |c: char| match c.is_ascii_punctuation() {
        true => format!("\\{c}"),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

fn add(expr: &mut Expr, matchers: &[Matcher]) {
    match expr {
        Expr::Aggregate(aggregate) => {
            add(&mut aggregate.expr, matchers);
            if let Some(param) = &mut aggregate.param {
                add(param, matchers);
            }
        }
        Expr::Unary(unary) => add(&mut unary.expr, matchers),
        Expr::Paren(paren) => add(&mut paren.expr, matchers),
        Expr::Binary(binary) => {
            add(&mut binary.lhs, matchers);
            add(&mut binary.rhs, matchers);
        }
        Expr::Subquery(sub) => add(&mut sub.expr, matchers),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|arg| add(arg, matchers)),
        Expr::VectorSelector(selector) => add_to_selector(selector, matchers),
        Expr::MatrixSelector(matrix) => add_to_selector(&mut matrix.vs, matchers),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn add_to_selector(selector: &mut VectorSelector, matchers: &[Matcher]) {
    if !selector.name.as_deref().is_some_and(exports) {
        return;
    }
    let add = |list: &mut Vec<Matcher>| {
        list.extend_from_slice(matchers);
        // As the parser writes them.
        list.sort_by_key(Matcher::to_string);
    };
    // Alternatives are each a complete list of matchers.
    let lists = &mut selector.matchers;
    if lists.or_matchers.is_empty() {
        add(&mut lists.matchers);
    }
    lists.or_matchers.iter_mut().for_each(add);
}

#[cfg(test)]
mod tests {
    use metrics_core::families::client::readings;

    use super::*;
    use crate::catalogue::library::Library;
    use crate::promql::format_range;

    fn live(instances: &[&str]) -> LiveTargets {
        LiveTargets {
            jobs: vec!["loadgen".to_owned()],
            instances: instances.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn only_series_of_load_generators_are_restricted() {
        let one = live(&["127.0.0.1:9090"]);
        let own = "instance=\"127.0.0.1:9090\",job=\"loadgen\"";
        assert_eq!(
            restrict("max by (server) (memcache_circuit_breaker_state) == bool 2", &one),
            format!("max by (server) (memcache_circuit_breaker_state{{{own}}}) == bool 2")
        );
        assert_eq!(
            restrict("rate(memcache_hits_total{server=~\"a|b\"}[5s] offset 1m)", &one),
            format!("rate(memcache_hits_total{{{own},server=~\"a|b\"}}[5s] offset 1m)")
        );
        let others = "server:memcache_operations:rate5s + node_load1 + scenario_active";
        assert_eq!(restrict(others, &one), others);
        assert_eq!(restrict("not a query (", &one), "not a query (");
        assert_eq!(
            restrict("memcache_hits_total", &live(&["a.b:1", "[::1]:2"])),
            r#"memcache_hits_total{instance=~"a\\.b\\:1|\\[\\:\\:1\\]\\:2",job="loadgen"}"#
        );
    }

    /// A restricted query is the query with more matchers: without them, both parse to the same.
    #[test]
    fn a_restricted_query_means_the_same() {
        let shipped = Library::load(None).unwrap();
        let expected = shipped.catalogue.scenarios().iter().flat_map(|scenario| &scenario.expect);
        let queries = expected.map(|one| one.query.template().to_owned());
        let range = format_range(7.5);
        let own = [
            readings::operation_rates(&range),
            readings::dropped(&range),
            readings::duration_buckets(&range),
            readings::moving("a|b[.]c"),
            readings::breaker_changes(&range),
        ];
        let matchers = live(&["x:1"]).matchers().unwrap();
        for promql in queries.chain(own) {
            // The parser writes `sum by ()` as `sum`, which is the same.
            let mut wanted = parser::parse(&promql.replace(" by ()", "")).unwrap();
            add(&mut wanted, &matchers);
            let restricted = restrict(&promql, &live(&["x:1"]));
            assert_eq!(parser::parse(&restricted).as_ref(), Ok(&wanted), "{promql}");
        }
    }
}
