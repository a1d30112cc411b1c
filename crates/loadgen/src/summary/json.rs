//! The summary for programs: one JSON object. It always has the same keys. A figure that does not apply is null. Pure.

use daemon_core::exit::UserError;
use daemon_core::signals::Signal;
use metrics_core::FineHistogram;
use metrics_core::families::client::Breakdown;
use metrics_core::labels::{CorruptKind, ErrorType, Operation, Status};
use serde_json::{Map, Value, json};

use super::figures::Summary;
use crate::plan::Pace;

pub(super) fn format_json(summary: &Summary) -> String {
    let ended = summary.ended();
    let mut object = Map::new();
    let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
    set("workload", summary.info.workload.clone().into());
    set("seed", summary.info.seed.into());
    set(
        "loop",
        match summary.info.pace {
            Pace::Closed(_) => "closed",
            Pace::Open { .. } => "open",
        }
        .into(),
    );
    set("seconds", summary.ending.ran.as_secs_f64().into());
    set("requested_seconds", summary.info.duration.map(|duration| duration.as_secs_f64()).into());
    set("ended_by", summary.ending.signal.map(Signal::name).into());
    set("operations", ended.into());
    set("rate", json!({ "asked": summary.requested_rate(), "reached": summary.per_second(ended) }));
    set("dropped", summary.requested_rate().map(|_| summary.dropped).into());
    set("start_lateness_seconds", times(&summary.lateness));
    set("total", node(&summary.total));
    let mut nodes = Map::new();
    for (name, of_node) in summary.info.nodes.iter().zip(&summary.nodes) {
        nodes.insert(name.clone(), node(of_node));
    }
    set("nodes", nodes.into());
    format!("{:#}\n", Value::Object(object))
}

/// The JSON object that replaces the summary when a run failed.
pub(crate) fn format_failure(error: &dyn UserError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    format!("{:#}\n", json!({ "error": message, "exit": error.exit().code() }))
}

fn node(node: &Breakdown) -> Value {
    let status = |operation: &Operation| {
        let counts = &node.operations[operation.index()];
        words(Status::ALL.iter().map(|status| (status.as_str(), counts[status.index()].into())))
    };
    let errors = ErrorType::ALL.iter().map(|error| (error.as_str(), node.errors[error.index()].into()));
    let corrupt = CorruptKind::ALL.iter().map(|kind| (kind.as_str(), node.corrupt[kind.index()].into()));
    json!({
        "operations": words(Operation::ALL.iter().map(|operation| (operation.as_str(), status(operation)))),
        "succeeded": node.ended(Status::Success),
        "failed": node.ended(Status::Failed),
        "errors": words(errors),
        "hits": node.hits,
        "misses": node.misses,
        "wrong_values": words(corrupt),
        "late_writes": node.late_writes,
        "foreign_values": node.foreign,
        "latency_seconds": times(&node.latency),
        "service_seconds": times(&node.service),
    })
}

fn words<'a>(counts: impl Iterator<Item = (&'a str, Value)>) -> Value {
    counts.map(|(word, count)| (word.to_owned(), count)).collect::<Map<_, _>>().into()
}

fn times(histogram: &FineHistogram) -> Value {
    let quantile = |share| histogram.quantile(share).map(|time| time.as_secs_f64());
    json!({
        "count": histogram.count(),
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p99": quantile(0.99),
        "p99_9": quantile(0.999),
        "max": (histogram.count() > 0).then(|| histogram.max().as_secs_f64()),
    })
}
