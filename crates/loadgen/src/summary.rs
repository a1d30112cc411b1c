//! What a run says of itself at its end: `figures` are computed once, `text` makes lines for people of them and `json` an
//! object for programs. Pure.

mod figures;
mod histogram;
mod json;
mod text;

use std::time::Duration;

use metrics_core::families::client::ClientFamilies;

use crate::plan::Format;
use figures::Summary;

pub(crate) use figures::About;
pub(crate) use histogram::Histogram;
pub(crate) use json::failure;

/// The summary of a run that sent load for `ran`, and how its times were spread.
pub(crate) fn summarize(about: &About, families: &ClientFamilies, ran: Duration) -> (String, Histogram) {
    let nodes: Vec<_> = (0..about.nodes.len()).map(|server| families.breakdown(server)).collect();
    let summary = Summary::new(about.clone(), ran, nodes, families.lateness(), &families.totals());
    let written = match about.format {
        Format::Text => text::text(&summary),
        Format::Json => json::json(&summary),
    };
    (written, Histogram::of(&summary.total))
}

#[cfg(test)]
mod tests;
