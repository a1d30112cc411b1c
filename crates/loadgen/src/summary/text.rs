//! The summary for people: a few lines, the most important first. Pure.

use std::fmt::Write;
use std::time::Duration;

use daemon_core::values::format_duration;
use metrics_core::FineHistogram;
use metrics_core::families::client::Breakdown;
use metrics_core::labels::{CorruptKind, ErrorType, Operation, Status};

use super::figures::Summary;

/// Quantiles and their names. The maximum follows them.
const QUANTILES: [(f64, &str); 4] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];

pub(super) fn format_text(summary: &Summary) -> String {
    let (total, ended) = (&summary.total, summary.ended());
    let rate = summary.per_second(ended);
    let requested =
        summary.requested_rate().map_or(String::new(), |requested| format!(" of {requested:.0}/s requested"));
    let seconds = summary.ending.ran.as_secs_f64();
    let mut text =
        format!("{ended} operations in {seconds:.1} s, {rate:.0}/s{requested}, seed {}\n", summary.info.seed);
    if let Some(signal) = summary.ending.signal {
        let requested = summary.info.duration.map(format_duration);
        let early =
            requested.map_or(String::new(), |requested| format!(" after {seconds:.1} s of {requested}"));
        let _ = writeln!(text, "ended by {}{early}", signal.name());
    }
    let failed = total.ended(Status::Failed);
    let errors =
        list_after_colon(ErrorType::ALL.iter().map(|error| (error.as_str(), total.errors[error.index()])));
    let _ = writeln!(text, "failed: {}{errors}", percent(failed, ended));
    let kinds =
        Operation::ALL.iter().map(|kind| (kind.as_str(), total.operations[kind.index()].iter().sum::<u64>()));
    let _ = writeln!(text, "sent{}", list_after_colon(kinds));
    let reads = total.hits + total.misses;
    let corrupt = list(CorruptKind::ALL.iter().map(|kind| (kind.as_str(), total.corrupt[kind.index()])));
    let corrupt = if corrupt.is_empty() { corrupt } else { format!(" ({corrupt})") };
    let _ = writeln!(
        text,
        "hits: {} of {reads} reads, wrong values: {}{corrupt}",
        percent(total.hits, reads),
        total.corrupt.iter().sum::<u64>(),
    );
    if total.late_writes > 0 {
        let _ = writeln!(text, "late writes: {}", total.late_writes);
    }
    if total.foreign > 0 {
        let _ = writeln!(text, "values of other programs: {}, not checked", total.foreign);
    }
    if summary.requested_rate().is_some() {
        let _ = writeln!(text, "dropped: {} of {} due", percent(summary.dropped, summary.due), summary.due);
    }
    for (name, histogram) in
        [("latency", &total.latency), ("service", &total.service), ("lateness", &summary.lateness)]
    {
        if histogram.count() > 0 {
            let _ = writeln!(text, "{name}: {}", times(histogram));
        }
    }
    for (name, node) in summary.info.nodes.iter().zip(&summary.nodes) {
        let _ = writeln!(text, "{name}: {}", one_node(node));
    }
    text
}

fn one_node(node: &Breakdown) -> String {
    let (succeeded, failed) = (node.ended(Status::Success), node.ended(Status::Failed));
    let errors =
        list_after_colon(ErrorType::ALL.iter().map(|error| (error.as_str(), node.errors[error.index()])));
    let times = if node.latency.count() > 0 { format!("; {}", times(&node.latency)) } else { String::new() };
    format!(
        "{} operations, failed {}{errors}{times}",
        succeeded + failed,
        percent(failed, succeeded + failed)
    )
}

fn times(histogram: &FineHistogram) -> String {
    let quantiles = QUANTILES.iter().filter_map(|(share, name)| {
        histogram.quantile(*share).map(|time| format!("{name} {}, ", milliseconds(time)))
    });
    format!("{}max {}", quantiles.collect::<String>(), milliseconds(histogram.max()))
}

/// With three digits: the cells of the histogram are not finer.
fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    let decimals = if ms < 10.0 { 3 } else { 1 };
    format!("{ms:.decimals$} ms")
}

fn percent(part: u64, whole: u64) -> String {
    let share = if whole > 0 { part as f64 / whole as f64 * 100.0 } else { 0.0 };
    format!("{part} ({share:.2}%)")
}

/// The list with a colon before it, or nothing if it is empty.
fn list_after_colon<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let list = list(counts);
    if list.is_empty() { list } else { format!(": {list}") }
}

/// `a 1, b 2` without the counts that are zero.
fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let named = counts.filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}"));
    named.collect::<Vec<_>>().join(", ")
}
