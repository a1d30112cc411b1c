//! Formats a report as text to paste into a chat. Its tables are valid Markdown. Pure.

use std::collections::BTreeMap;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use metrics_core::labels::Finding;

use crate::scenario::During;
use crate::text::wrap::{COLUMNS, wrapped};
use crate::text::{format_ratio, format_seconds};
use crate::verdict::report::quantile::Quantile;
use crate::verdict::report::times::Recovery;
use crate::verdict::report::way;
use crate::verdict::report::{NodeReport, PhaseFigures, RunReport};

const NOTHING: &str = "-";

/// An empty table in the style of all reports. Columns from `first_number` on are right-aligned. Cells that are too wide are
/// wrapped.
pub(super) fn new_table(header: &[&str], first_number: usize) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table.set_header(header);
    for column in table.column_iter_mut().skip(first_number) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Status, nodes, faults on a share of the connections, expectations and problems of one run.
pub(crate) fn format_report(report: &RunReport) -> String {
    let head = format!("{} (run {}): {}: {}", report.scenario, report.run, report.status, report.describe());
    let mut text = line(&head);
    if let Some(longer) = &report.planned_phases.lengthened {
        text.push_str(&line(longer));
    }
    for absent in &report.not_judged {
        text.push_str(&line(absent));
    }
    if !report.nodes.is_empty() {
        text.push_str(&format_nodes(report));
    }
    for share in &report.shares {
        text.push_str(&line(&share.describe()));
    }
    if !report.expectations.is_empty() {
        text.push_str(&format_expectations(report));
    }
    for problem in report.problems() {
        text.push_str(&line(&problem.describe()));
        for page in problem.pages() {
            text.push_str(&line(&format!("  see {page}")));
        }
        for expectation in &problem.expectations {
            text.push_str(&format!("{}\n", wrapped(&format!("  {}", expectation.promql), "    ")));
        }
    }
    text
}

fn format_nodes(report: &RunReport) -> String {
    let header = ["node", "phase", "op/s", "failed", "p50", "p99", "wrong", "opened", "closed"];
    let mut table = new_table(&header, 2);
    for node in &report.nodes {
        for (index, figures) in node.phases.iter().enumerate() {
            table.add_row(row(node, figures, index == 0));
        }
    }
    let mut text = format!("\n{table}\n");
    if report.nodes.iter().any(|node| node.target) {
        text.push_str("* has the fault; opened, closed: how often its breaker opened and closed\n");
    }
    text.push_str(&line(&way::describe(report.way)));
    let errors = report.nodes.iter().flat_map(describe_errors);
    let times = report.nodes.iter().filter_map(describe_times);
    for description in errors.chain(times).chain(describe_dropped(&report.dropped_operations)) {
        text.push_str(&line(&description));
    }
    text
}

fn format_expectations(report: &RunReport) -> String {
    let mut table = new_table(&["result", "phase", "expectation", "seen"], 4);
    for expectation in &report.expectations {
        let is_problem = !matches!(expectation.result, Some(Finding::Pass) | None);
        let seen = if is_problem { "see below" } else { &expectation.reason };
        let result = expectation.result.map_or("n/a", Finding::as_str);
        table.add_row([result, expectation.phase, &expectation.name, seen]);
    }
    format!("\n{table}\n")
}

fn line(text: &str) -> String {
    wrapped(text, "  ") + "\n"
}

fn row(node: &NodeReport, figures: &PhaseFigures, is_first: bool) -> Vec<String> {
    let server = match (is_first, node.target) {
        (true, true) => format!("{} *", node.server),
        (true, false) => node.server.clone(),
        (false, _) => String::new(),
    };
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let changes = |to: &str| {
        let into = |(name, _): &(&String, &u64)| name.split_once('>').is_some_and(|(_, state)| state == to);
        match figures.breaker_transitions.iter().filter(into).map(|(_, count)| count).sum::<u64>() {
            0 => NOTHING.to_owned(),
            count => count.to_string(),
        }
    };
    vec![
        server,
        figures.phase.to_owned(),
        or_nothing(figures.operations_per_second.map(|rate| format!("{rate:.0}"))),
        or_nothing(figures.error_ratio.map(format_ratio)),
        or_nothing(figures.p50.map(Quantile::format)),
        or_nothing(figures.p99.map(Quantile::format)),
        or_nothing(figures.wrong_values.map(|count| count.to_string())),
        changes("open"),
        changes("closed"),
    ]
}

/// One line per phase in which operations failed, with the count per error type.
fn describe_errors(node: &NodeReport) -> Vec<String> {
    let failed = node.phases.iter().filter(|figures| !figures.errors.is_empty());
    failed
        .map(|figures| {
            format!("{}: failed in {}: {}", node.server, figures.phase, format_counts(&figures.errors))
        })
        .collect()
}

/// When the breaker opened and when the node recovered.
fn describe_times(node: &NodeReport) -> Option<String> {
    // Without operations there is nothing to say about the node.
    node.phases.iter().find(|figures| figures.operations_per_second.is_some())?;
    if node.hurt == Some(false) {
        let unhurt = "not hurt: no operation failed and the breaker did not change state";
        return node.target.then(|| format!("{}: {unhurt}", node.server));
    }
    let detect = match node.time_to_detect_seconds {
        Some(time) => format!("breaker opened after {}", format_seconds(time)),
        None => "breaker not seen to open in testing".to_owned(),
    };
    let recover = match node.recovery {
        Recovery::After(time) => format!(", recovered after {}", format_seconds(time)),
        Recovery::NotSeen => ", not seen to recover".to_owned(),
        Recovery::Unknown => String::new(),
    };
    (node.target || node.hurt.is_some()).then(|| format!("{}: {detect}{recover}", node.server))
}

/// Operations that were never sent, by phase.
fn describe_dropped(dropped: &BTreeMap<&'static str, u64>) -> Option<String> {
    let count = |during: During| {
        let phase = during.as_str();
        dropped.get(phase).map(|count| format!("{count} in {phase}"))
    };
    let counts: Vec<String> = During::PHASES.into_iter().filter_map(count).collect();
    let reason = "operations never sent, as no connection or worker was free";
    (!counts.is_empty()).then(|| format!("{reason}: {}", counts.join(", ")))
}

fn format_counts(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
