//! The summary at the end of a run. `figures` computes it, `text` writes it for people and `json` for programs. Pure.

mod figures;
mod histogram;
mod json;
mod text;

use metrics_core::families::client::ClientFamilies;

use crate::plan::SummaryFormat;
use figures::Summary;

pub(crate) use figures::{Ending, RunInfo};
pub(crate) use histogram::Histogram;
pub(crate) use json::format_failure;

/// The summary and the histogram of a run.
pub(crate) fn summarize(info: &RunInfo, families: &ClientFamilies, ending: Ending) -> (String, Histogram) {
    let nodes: Vec<_> = (0..info.nodes.len()).map(|server| families.breakdown(server)).collect();
    let summary = Summary::new(info.clone(), ending, nodes, families.lateness(), &families.totals());
    let written = match info.format {
        SummaryFormat::Text => text::format_text(&summary),
        SummaryFormat::Json => json::format_json(&summary),
    };
    (written, Histogram::new(&summary.total))
}

#[cfg(test)]
mod tests;
