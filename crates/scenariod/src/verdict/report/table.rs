//! A report as text that a person can paste into a chat: tables that are Markdown as well.

use std::collections::BTreeMap;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use metrics_core::labels::Finding;

use crate::scenario::During;
use crate::text::wrap::{COLUMNS, wrapped};
use crate::text::{format_ratio, format_seconds};
use crate::verdict::report::quantile::Quantile;
use crate::verdict::report::times::Recovery;
use crate::verdict::report::{Figures, Node, Report};

const NOTHING: &str = "-";

/// An empty table in the style of all tables here; columns from `numbers` on are numbers. What would be too wide is broken
/// within its cells.
pub(super) fn table(header: &[&str], numbers: usize) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table.set_header(header);
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One run: how it ended, what the client saw of each node, what became of each expectation.
pub(crate) fn report(report: &Report) -> String {
    let head = format!("{} (run {}): {}: {}", report.scenario, report.run, report.status, report.in_words());
    let mut text = line(&head);
    if !report.nodes.is_empty() {
        let header = ["node", "phase", "op/s", "failed", "p50", "p99", "wrong", "opened", "closed"];
        let mut nodes = table(&header, 2);
        for node in &report.nodes {
            for (index, figures) in node.phases.iter().enumerate() {
                nodes.add_row(row(node, figures, index == 0));
            }
        }
        text.push_str(&format!("\n{nodes}\n"));
        if report.nodes.iter().any(|node| node.target) {
            text.push_str("* has the fault; opened, closed: how often its breaker did\n");
        }
        for told in report.nodes.iter().flat_map(classes).chain(report.nodes.iter().filter_map(times)) {
            text.push_str(&line(&told));
        }
        let dropped = &report.dropped_operations;
        let told = During::PHASES
            .map(During::as_str)
            .into_iter()
            .filter_map(|phase| dropped.get(phase).map(|count| format!("{count} in {phase}")));
        let told: Vec<String> = told.collect();
        if !told.is_empty() {
            let never =
                format!("operations never sent, for want of a connection or a worker: {}", told.join(", "));
            text.push_str(&line(&never));
        }
    }
    for share in &report.shares {
        text.push_str(&line(&share.describe()));
    }
    if !report.expectations.is_empty() {
        let mut expectations = table(&["result", "phase", "expectation", "seen"], 4);
        for expected in &report.expectations {
            let told_below = !matches!(expected.result, Some(Finding::Pass) | None);
            let seen = if told_below { "see below" } else { &expected.reason };
            let result = expected.result.map_or("n/a", Finding::as_str);
            expectations.add_row([result, expected.phase, &expected.name, seen]);
        }
        text.push_str(&format!("\n{expectations}\n"));
    }
    for trouble in report.troubles() {
        text.push_str(&line(&trouble.in_words()));
        for expected in &trouble.lines {
            text.push_str(&format!("{}\n", wrapped(&format!("  {}", expected.promql), "    ")));
        }
    }
    text
}

fn line(text: &str) -> String {
    wrapped(text, "  ") + "\n"
}

fn row(node: &Node, figures: &Figures, first: bool) -> Vec<String> {
    let server = match (first, node.target) {
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
        or_nothing(figures.p50.map(Quantile::text)),
        or_nothing(figures.p99.map(Quantile::text)),
        or_nothing(figures.wrong_values.map(|count| count.to_string())),
        changes("open"),
        changes("closed"),
    ]
}

/// What failed, by type, for each phase in which something did.
fn classes(node: &Node) -> Vec<String> {
    let failed = node.phases.iter().filter(|figures| !figures.errors.is_empty());
    failed
        .map(|figures| format!("{}: failed in {}: {}", node.server, figures.phase, counts(&figures.errors)))
        .collect()
}

/// When a node was noticed and healed, where there is something to say.
fn times(node: &Node) -> Option<String> {
    // Nobody saw the node: whatever were said of it would be a claim about nothing.
    node.phases.iter().find(|figures| figures.operations_per_second.is_some())?;
    if node.hurt == Some(false) {
        let unhurt = "not hurt: nothing failed and the breaker did not move";
        return node.target.then(|| format!("{}: {unhurt}", node.server));
    }
    let detect = match node.time_to_detect_seconds {
        Some(time) => format!("breaker opened after {}", format_seconds(time)),
        None => "breaker not seen to open in testing".to_owned(),
    };
    let recover = match node.recovery {
        Recovery::After(time) => format!(", recovered after {}", format_seconds(time)),
        Recovery::NotSeen => ", not seen to recover".to_owned(),
        Recovery::Untold => String::new(),
    };
    (node.target || node.hurt.is_some()).then(|| format!("{}: {detect}{recover}", node.server))
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
