//! A report as text that a person can paste into a chat: tables that are Markdown as well.

use std::collections::BTreeMap;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use metrics_core::labels::Finding;

use crate::report::{Figures, Line, Node, Report};

const NOTHING: &str = "-";

/// An empty table in the style of all tables here; columns from `numbers` on are numbers.
pub(super) fn table(header: &[&str], numbers: usize) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(header);
    for column in table.column_iter_mut().skip(numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// One run: how it ended, what the client saw of each node, what became of each expectation.
pub(crate) fn report(report: &Report) -> String {
    let mut text =
        format!("{} (run {}): {}: {}\n", report.scenario, report.run, report.status, report.in_words());
    if !report.nodes.is_empty() {
        let header = ["node", "phase", "op/s", "errors", "p50", "p99", "wrong", "breaker"];
        let mut nodes = table(&header, 2);
        for words in [3, 7] {
            if let Some(column) = nodes.column_mut(words) {
                column.set_cell_alignment(CellAlignment::Left);
            }
        }
        for node in &report.nodes {
            for (index, figures) in node.phases.iter().enumerate() {
                nodes.add_row(row(node, figures, index == 0));
            }
        }
        text.push_str(&format!("\n{nodes}\n"));
        for line in report.nodes.iter().filter_map(times) {
            text.push_str(&line);
        }
    }
    for share in &report.shares {
        text.push_str(&format!("{}\n", share.describe()));
    }
    if !report.expectations.is_empty() {
        let mut expectations = table(&["result", "phase", "expectation", "seen"], 4);
        for line in &report.expectations {
            let name = format!("{} ({})", line.name, line.must);
            expectations.add_row([line.result_word(), line.phase, &name, &line.reason]);
        }
        text.push_str(&format!("\n{expectations}\n"));
    }
    for line in report.expectations.iter().filter(|line| !matches!(line.result, Some(Finding::Pass) | None)) {
        text.push_str(&trouble(line));
    }
    text
}

fn row(node: &Node, figures: &Figures, first: bool) -> Vec<String> {
    let server = match (first, node.target) {
        (true, true) => format!("{} (fault)", node.server),
        (true, false) => node.server.clone(),
        (false, _) => String::new(),
    };
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    let errors = figures.error_ratio.map(|ratio| match counts(&figures.errors) {
        some if some.is_empty() => percent(ratio),
        some => format!("{} ({some})", percent(ratio)),
    });
    vec![
        server,
        figures.phase.to_owned(),
        or_nothing(figures.operations_per_second.map(|rate| format!("{rate:.0}"))),
        or_nothing(errors),
        or_nothing(figures.p50_seconds.map(seconds)),
        or_nothing(figures.p99_seconds.map(seconds)),
        or_nothing(figures.wrong_values.map(|count| count.to_string())),
        match counts(&figures.breaker_transitions) {
            none if none.is_empty() => NOTHING.to_owned(),
            some => some,
        },
    ]
}

/// When a node was noticed and healed, where there is something to say.
fn times(node: &Node) -> Option<String> {
    // Nobody saw the node: that its breaker stayed closed would be a claim about nothing.
    node.phases.iter().find(|figures| figures.operations_per_second.is_some())?;
    let hurt = node.target || node.time_to_detect_seconds.is_some() || node.time_to_recover_seconds.is_some();
    let detect = match node.time_to_detect_seconds {
        Some(time) => format!("breaker opened after {}", seconds(time)),
        None => "breaker stayed closed".to_owned(),
    };
    let recover = match node.time_to_recover_seconds {
        Some(time) => format!("recovered after {}", seconds(time)),
        None => "not seen to recover".to_owned(),
    };
    hurt.then(|| format!("{}: {detect}, {recover}\n", node.server))
}

/// Everything that is needed to look for oneself.
fn trouble(line: &Line) -> String {
    format!("{}: {}: {}\n  {}\n", line.result_word(), line.name, line.reason, line.promql)
}

fn counts(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn percent(ratio: f64) -> String {
    match ratio * 100.0 {
        0.0 => "0%".to_owned(),
        percent if percent < 0.1 => format!("{percent:.3}%"),
        percent => format!("{percent:.1}%"),
    }
}

pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        short if short < 0.01 => format!("{:.2} ms", short * 1e3),
        short if short < 1.0 => format!("{:.0} ms", short * 1e3),
        long => format!("{long:.2} s"),
    }
}
