//! The write-ahead journal of one run: each toxic is on the disk before Toxiproxy hears of it. One JSON object per line.
//! The lock on the file is the run's heartbeat.

mod entry;
mod past_runs;

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use daemon_core::exit::Exit;
use metrics_core::Locked;
use serde::Serialize;

use entry::{JournalEntry, NoteEntry, delete, write};
pub(crate) use past_runs::{CutOffRun, complete_journals};

use crate::lease::RunId;
use crate::lease::leased_toxic::LeasedToxic;
use crate::state::lock;
use crate::state::{StateDir, StateError};
use crate::toxiproxy::toxic_body;

/// How many journals of runs that left nothing are kept.
const MAX_JOURNALS: usize = 200;

/// A line could not be written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", .path.display())]
pub(crate) struct JournalError {
    path: PathBuf,
    reason: Arc<io::Error>,
}

/// The journal of an active run.
#[derive(Debug)]
pub(crate) struct Journal {
    run: RunId,
    path: PathBuf,
    file: Locked<File>,
}

/// Whether a line has to be on the disk before the next step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    Synced,
    Buffered,
}

impl Journal {
    /// Opens the journal of a new run and takes its lock. Deletes the oldest journals beyond the limit.
    pub(crate) fn begin(
        state: &StateDir,
        run: RunId,
        scenario: &str,
        toxiproxy: &str,
    ) -> Result<Journal, StateError> {
        let path = state.journal(&run);
        let file = state.create(&path)?;
        let unusable = |reason| StateError::Unusable { path: path.clone(), reason };
        lock::hold(&file).map_err(unusable)?;
        let entry = JournalEntry::Begin {
            run: run.to_string(),
            scenario: scenario.to_owned(),
            toxiproxy: toxiproxy.to_owned(),
        };
        let journal = Journal { run, path: path.clone(), file: Locked::new(file) };
        if let Err(reason) = journal.append(&[entry], Durability::Synced) {
            // An empty journal would look like a run.
            delete(state, &journal.run);
            return Err(unusable(reason));
        }
        past_runs::prune(state, MAX_JOURNALS);
        Ok(journal)
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// Records toxics that are about to be added. No call for one of them may be made before this has succeeded.
    pub(crate) fn record_intents(&self, toxics: &[LeasedToxic]) -> Result<(), JournalError> {
        let intent = |leased: &LeasedToxic| {
            let toxic = leased.lease.to_string();
            JournalEntry::Intent {
                server: leased.server.clone(),
                run: leased.lease.run.to_string(),
                deadline: leased.lease.deadline,
                body: serde_json::from_str(&toxic_body(&toxic, &leased.toxic)).unwrap_or_default(),
                toxic,
            }
        };
        let entries: Vec<JournalEntry> = toxics.iter().map(intent).collect();
        if entries.is_empty() { Ok(()) } else { self.with_path(self.append(&entries, Durability::Synced)) }
    }

    /// Records that Toxiproxy has accepted the toxic.
    pub(crate) fn record_applied(&self, server: &str, toxic: &str) {
        self.try_append(JournalEntry::Applied { server: server.to_owned(), toxic: toxic.to_owned() });
    }

    /// Records that Toxiproxy was read and no longer has the toxic.
    pub(crate) fn record_removed(&self, server: &str, toxic: &str) {
        self.try_append(JournalEntry::Removed { server: server.to_owned(), toxic: toxic.to_owned() });
    }

    /// Records anything else. The caller chooses the word `kind`.
    pub(crate) fn record_note(&self, kind: &str, value: &impl Serialize) -> Result<(), JournalError> {
        self.with_path(self.append(&[NoteEntry { kind, value }], Durability::Buffered))
    }

    /// Records the end of the run.
    pub(crate) fn record_end(&self, exit: Exit) -> Result<(), JournalError> {
        self.with_path(self.append(&[JournalEntry::End { exit: Some(exit.code()) }], Durability::Buffered))
    }

    /// For lines that a later start can reconstruct: a full disk must never delay a removal.
    fn try_append(&self, entry: JournalEntry) {
        if let Err(error) = self.with_path(self.append(&[entry], Durability::Buffered)) {
            tracing::warn!(%error, "the journal is incomplete");
        }
    }

    /// The error for a write that failed for a reason other than the disk.
    pub(crate) fn write_error(
        &self,
        reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> JournalError {
        JournalError { path: self.path.clone(), reason: Arc::new(io::Error::other(reason)) }
    }

    fn with_path(&self, written: io::Result<()>) -> Result<(), JournalError> {
        written.map_err(|reason| JournalError { path: self.path.clone(), reason: Arc::new(reason) })
    }

    fn append(&self, entries: &[impl Serialize], durability: Durability) -> io::Result<()> {
        let mut file = self.file.lock();
        // No later process can read a file without a name.
        if file.metadata()?.nlink() == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it was deleted during the run"));
        }
        write(&mut file, entries)?;
        if durability == Durability::Synced { file.sync_data() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
