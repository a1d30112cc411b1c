//! Journals of runs that are over: what they left behind, and which are kept. Nothing is removed from a Toxiproxy here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};

use super::entry::{Entry, forget, write};
use crate::lease::RunId;
use crate::lease::ownership::{Owner, ours};
use crate::state::StateDir;
use crate::state::lock;
use crate::toxiproxy::Proxy;

/// What a journal says.
#[derive(Debug, Default)]
struct Past {
    scenario: String,
    toxiproxy: String,
    /// Node of each toxic that was to be put on and was not seen to be gone, by its name.
    open: BTreeMap<String, String>,
    ended: bool,
}

/// A run that was cut off and whose toxics are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    pub(crate) run: String,
    pub(crate) scenario: String,
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "run {} of {} was cut off or could not record its end; nothing of it is left",
            self.run, self.scenario
        )
    }
}

impl Past {
    fn read(state: &StateDir, run: &RunId) -> io::Result<Past> {
        let mut past = Past::default();
        let text = fs::read(state.journal(run))?;
        // A line that does not parse was being written when its process died; what it announced was not asked for yet.
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        for entry in lines {
            match entry {
                Entry::Begin { scenario, toxiproxy, .. } => {
                    (past.scenario, past.toxiproxy) = (scenario, toxiproxy)
                }
                Entry::Intent { server, toxic, .. } => drop(past.open.insert(toxic, server)),
                Entry::Removed { toxic, .. } => drop(past.open.remove(&toxic)),
                Entry::End { .. } | Entry::Aborted => past.ended = true,
                Entry::Applied { .. } | Entry::Note => {}
            }
        }
        Ok(past)
    }

    fn begun(&self) -> bool {
        !self.toxiproxy.is_empty()
    }

    fn is_over(&self) -> bool {
        (self.ended || !self.begun()) && self.open.is_empty()
    }
}

/// Completes the journals of dead runs of the Toxiproxy at `url`, given what it holds: toxics that are not there are
/// written down as removed, and a run that was cut off and has nothing left is marked `aborted`.
pub(crate) fn settle(state: &StateDir, url: &str, proxies: &[Proxy]) -> Vec<Settled> {
    let on = ours(proxies);
    let mut settled = Vec::new();
    for run in state.runs() {
        if state.owner(&run) != Owner::Dead {
            continue;
        }
        let Ok(past) = Past::read(state, &run) else { continue };
        // Only its own Toxiproxy can tell what became of its toxics. Where even the first line is missing, nothing was.
        if past.is_over() || !past.begun() || (past.toxiproxy != url && !past.open.is_empty()) {
            continue;
        }
        let gone = past.open.iter().filter(|(toxic, _)| !on.iter().any(|found| found.placed.name == **toxic));
        let mut entries: Vec<Entry> = gone
            .map(|(toxic, server)| Entry::Removed { server: server.clone(), toxic: toxic.clone() })
            .collect();
        let all = entries.len() == past.open.len();
        if all && !past.ended {
            entries.push(Entry::Aborted);
        }
        match complete(state, &run, &entries) {
            Ok(true) if all && !past.ended => {
                settled.push(Settled { run: run.to_string(), scenario: past.scenario });
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, %run, "cannot complete a journal"),
        }
    }
    settled
}

/// Unless somebody else is at it.
fn complete(state: &StateDir, run: &RunId, entries: &[Entry]) -> io::Result<bool> {
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

/// Removes the oldest journals beyond `kept` that tell of no residue.
pub(super) fn prune(state: &StateDir, kept: usize) {
    let runs = state.runs();
    let surplus = runs.len().saturating_sub(kept);
    for run in &runs[..surplus] {
        let over = Past::read(state, run).is_ok_and(|past| past.is_over());
        if over && state.owner(run) == Owner::Dead {
            forget(state, run);
        }
    }
}
