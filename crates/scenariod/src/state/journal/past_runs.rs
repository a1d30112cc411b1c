//! Journals of runs that are over: completes those of dead runs and deletes old ones. It calls no Toxiproxy.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use daemon_core::values::HttpUrl;

use super::entry::{JournalEntry, delete, write};
use crate::lease::RunId;
use crate::lease::ownership::{Liveness, find_lab_toxics};
use crate::state::StateDir;
use crate::state::lock;
use crate::toxiproxy::Proxy;

/// The content of a journal.
#[derive(Debug, Default)]
struct JournalSummary {
    scenario: String,
    toxiproxy: String,
    /// Toxics that may still be there, by name, each with its node: intended and not seen to be gone.
    open: BTreeMap<String, String>,
    ended: bool,
}

/// A run that did not record its end and of which nothing is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CutOffRun {
    pub(crate) run: String,
    pub(crate) scenario: String,
}

impl fmt::Display for CutOffRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {} of {} was cut off or could not record its end; nothing of it is left",
            self.run, self.scenario
        )
    }
}

impl JournalSummary {
    fn read(state: &StateDir, run: &RunId) -> io::Result<JournalSummary> {
        let mut summary = JournalSummary::default();
        let text = fs::read(state.journal(run))?;
        // The process died while it wrote a line that does not parse. It had not yet made the call that the line announces.
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        for entry in lines {
            match entry {
                JournalEntry::Begin { scenario, toxiproxy, .. } => {
                    (summary.scenario, summary.toxiproxy) = (scenario, toxiproxy);
                }
                JournalEntry::Intent { server, toxic, .. } => drop(summary.open.insert(toxic, server)),
                JournalEntry::Removed { toxic, .. } => drop(summary.open.remove(&toxic)),
                JournalEntry::End { .. } | JournalEntry::Aborted => summary.ended = true,
                JournalEntry::Applied { .. } | JournalEntry::Note => {}
            }
        }
        Ok(summary)
    }

    /// Whether the first line was written.
    fn has_begun(&self) -> bool {
        !self.toxiproxy.is_empty()
    }

    fn is_complete(&self) -> bool {
        (self.ended || !self.has_begun()) && self.open.is_empty()
    }
}

/// Completes the journals of dead runs of the Toxiproxy at `url`, which holds `proxies`. Toxics that are not there are
/// recorded as removed. A run that was cut off and of which nothing is left is marked `aborted` and returned.
pub(crate) fn complete_journals(state: &StateDir, url: &str, proxies: &[Proxy]) -> Vec<CutOffRun> {
    let on = find_lab_toxics(proxies);
    let mut cut_off = Vec::new();
    for run in state.runs() {
        if state.liveness(&run) != Liveness::Dead {
            continue;
        }
        let Ok(summary) = JournalSummary::read(state, &run) else { continue };
        // Only its own Toxiproxy shows whether a toxic is gone. A run without a first line has added none.
        let elsewhere = without_secrets(&summary.toxiproxy) != url && !summary.open.is_empty();
        if summary.is_complete() || !summary.has_begun() || elsewhere {
            continue;
        }
        let gone =
            summary.open.iter().filter(|(toxic, _)| !on.iter().any(|found| found.toxic.name == **toxic));
        let mut entries: Vec<JournalEntry> = gone
            .map(|(toxic, server)| JournalEntry::Removed { server: server.clone(), toxic: toxic.clone() })
            .collect();
        let nothing_left = entries.len() == summary.open.len();
        if nothing_left && !summary.ended {
            entries.push(JournalEntry::Aborted);
        }
        match append(state, &run, &entries) {
            Ok(true) if nothing_left && !summary.ended => {
                cut_off.push(CutOffRun { run: run.to_string(), scenario: summary.scenario });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, %run, "cannot complete a journal"),
        }
    }
    cut_off
}

/// Journals of earlier versions may have the whole URL.
fn without_secrets(url: &str) -> String {
    url.parse().map_or_else(|_| url.to_owned(), |url: HttpUrl| url.to_string())
}

/// Appends to the journal of a dead run. Gives `false` when another process is doing the same.
fn append(state: &StateDir, run: &RunId, entries: &[JournalEntry]) -> io::Result<bool> {
    let mut file = OpenOptions::new().read(true).append(true).open(state.journal(run))?;
    if !lock::try_hold(&file)? {
        return Ok(false);
    }
    let text = fs::read(state.journal(run))?;
    if text.last().is_some_and(|last| *last != b'\n') {
        file.write_all(b"\n")?;
    }
    write(&mut file, entries).map(|()| true)
}

/// Keeps the newest `kept` journals, and every older one whose run may have left a toxic.
pub(super) fn prune(state: &StateDir, kept: usize) {
    let runs = state.runs();
    let surplus = runs.len().saturating_sub(kept);
    for run in &runs[..surplus] {
        let complete = JournalSummary::read(state, run).is_ok_and(|summary| summary.is_complete());
        if complete && state.liveness(run) == Liveness::Dead {
            delete(state, run);
        }
    }
}
