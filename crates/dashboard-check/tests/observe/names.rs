//! Every metric name in a dashboard, a rule, an alert or a page of documentation is declared, or recorded by a rule.

use std::collections::BTreeSet;
use std::fs;

use dashboard_check::Dashboard;
use metrics_core::families::declared;
use metrics_core::{Family, Kind};
use testkit::workspace;

use crate::DASHBOARDS;

/// Metrics of Prometheus itself.
const GIVEN: [&str; 1] = ["up"];
/// The prefixes of the lab's metrics. A longer word with one of them is a metric or a mistake.
const PREFIXES: [&str; 7] =
    ["memcache_", "scenario_", "toxiproxy_", "loadgen_", "http_request", "process_", "tokio_"];
/// Words with such a prefix that are not metrics.
const NO_METRICS: [&str; 4] =
    ["memcache_resilience_lab", "loadgen_waits", "loadgen_stalled", "toxiproxy_cpu"];

fn words(text: &str) -> impl Iterator<Item = &str> {
    let split = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '*');
    text.split(split).map(|word| word.trim_end_matches(':'))
}

fn samples(family: &Family) -> Vec<String> {
    let name = family.name.to_owned();
    match family.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count", ""].map(|end| format!("{name}{end}")).into(),
        Kind::Counter | Kind::Gauge => vec![name],
    }
}

fn recorded() -> BTreeSet<String> {
    let rules = files("prometheus/rules", "yml").into_iter().map(|(_, text)| text).collect::<String>();
    rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .map(|name| name.trim().to_owned())
        .collect()
}

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(workspace().join(folder)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let fit = paths.filter(|path| path.extension().is_some_and(|is| is == ending));
    fit.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// The words of a text that look like a metric and are not declared.
fn undeclared(text: &str) -> Vec<&str> {
    let mut known: BTreeSet<String> = declared().flat_map(samples).collect();
    known.extend(recorded());
    known.extend(GIVEN.into_iter().map(str::to_owned));
    let looks = |word: &&str| {
        word.contains(":memcache_")
            || word.contains(":scenario_")
            || PREFIXES.iter().any(|prefix| word.starts_with(prefix))
    };
    words(text)
        .filter(|word| !word.contains('*') && !word.ends_with('_') && !NO_METRICS.contains(word))
        .filter(looks)
        .filter(|word| !known.contains(*word))
        .collect()
}

#[test]
fn dashboards_use_declared_names() {
    for file in DASHBOARDS {
        for query in Dashboard::load(file).queries() {
            assert_eq!(undeclared(&query), [""; 0], "{file}: {query}");
        }
    }
}

#[test]
fn rules_use_declared_names() {
    for (file, text) in files("prometheus/rules", "yml") {
        assert_eq!(undeclared(&text), [""; 0], "{file}");
    }
    for (file, text) in files("prometheus/tests", "yml") {
        assert_eq!(undeclared(&text), [""; 0], "{file}");
    }
}

#[test]
fn pages_use_declared_names() {
    for (file, text) in files("docs", "md").into_iter().chain(files("", "md")) {
        assert_eq!(undeclared(&text), [""; 0], "{file}");
    }
}

#[test]
fn a_wrong_name_is_found() {
    assert_eq!(undeclared("sum(rate(memcache_operation_total[5s]))"), ["memcache_operation_total"]);
    assert_eq!(undeclared("server:memcache_errors:rate5s > 1"), ["server:memcache_errors:rate5s"]);
    assert_eq!(undeclared("memcache_operation_duration_seconds_bucket + up + process_*"), [""; 0]);
}

/// The runbook has one paragraph per alert, in the same order.
#[test]
fn every_alert_has_its_paragraph() {
    let rules = fs::read_to_string(workspace().join("prometheus/rules/alerts.yml")).unwrap();
    let page = fs::read_to_string(workspace().join("docs/alerts.md")).unwrap();
    let alerts: Vec<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::trim).collect();
    let paragraphs: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(paragraphs, alerts);
    for alert in alerts {
        let link = format!("runbook: docs/alerts.md#{}\n", alert.to_lowercase());
        assert!(rules.contains(&link), "{alert} does not link to its paragraph");
    }
}
