//! The write-ahead journal of one run: what it is about to put on is on the disk before Toxiproxy hears of it. One
//! JSON object a line. Its lock is the run's heartbeat.

mod entry;
mod past;

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use daemon_core::exit::Exit;
use serde::Serialize;

use entry::{Entry, Noted, forget, write};
pub(crate) use past::{Settled, settle};

use crate::lease::RunId;
use crate::lease::step::Step;
use crate::state::lock;
use crate::state::{StateDir, StateError};
use crate::toxiproxy::toxic_body;

/// Journals of runs that left nothing are kept up to this number.
const KEPT: usize = 200;

/// Nothing more can be written down.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot write {}: {reason}", .path.display())]
pub(crate) struct JournalError {
    path: PathBuf,
    reason: Arc<io::Error>,
}

/// The journal of a run that is under way.
#[derive(Debug)]
pub(crate) struct Journal {
    run: RunId,
    path: PathBuf,
    file: Mutex<File>,
}

/// Whether a line has to survive the machine before the next step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    No,
}

impl Journal {
    /// Opens the journal of a new run and takes its lock; old ones make room.
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
        let entry = Entry::Begin {
            run: run.to_string(),
            scenario: scenario.to_owned(),
            toxiproxy: toxiproxy.to_owned(),
        };
        let journal = Journal { run, path: path.clone(), file: Mutex::new(file) };
        if let Err(reason) = journal.append(&[entry], Durable::Yes) {
            // An empty journal would tell of a run that never was.
            forget(state, &journal.run);
            return Err(unusable(reason));
        }
        past::prune(state, KEPT);
        Ok(journal)
    }

    pub(crate) fn run(&self) -> &RunId {
        &self.run
    }

    /// To be called, and to succeed, before any of these steps is asked for.
    pub(crate) fn intend(&self, steps: &[Step]) -> Result<(), JournalError> {
        let intent = |step: &Step| {
            let toxic = step.lease.to_string();
            Entry::Intent {
                server: step.server.clone(),
                run: step.lease.run.to_string(),
                deadline: step.lease.deadline,
                body: serde_json::from_str(&toxic_body(&toxic, &step.toxic)).unwrap_or_default(),
                toxic,
            }
        };
        let entries: Vec<Entry> = steps.iter().map(intent).collect();
        if entries.is_empty() { Ok(()) } else { self.told(self.append(&entries, Durable::Yes)) }
    }

    /// Toxiproxy said that it is on.
    pub(crate) fn applied(&self, server: &str, toxic: &str) {
        self.try_append(Entry::Applied { server: server.to_owned(), toxic: toxic.to_owned() });
    }

    /// Toxiproxy was seen not to have it any more.
    pub(crate) fn removed(&self, server: &str, toxic: &str) {
        self.try_append(Entry::Removed { server: server.to_owned(), toxic: toxic.to_owned() });
    }

    /// Whatever else is worth keeping: `kind` is a word of the one who writes it.
    pub(crate) fn note(&self, kind: &str, value: &impl Serialize) -> Result<(), JournalError> {
        self.told(self.append(&[Noted { kind, value }], Durable::No))
    }

    /// The run is over.
    pub(crate) fn end(&self, exit: Exit) -> Result<(), JournalError> {
        self.told(self.append(&[Entry::End { exit: Some(exit.code()) }], Durable::No))
    }

    /// For what the next start finds out again: a full disk must never hold up a removal.
    fn try_append(&self, entry: Entry) {
        if let Err(error) = self.told(self.append(&[entry], Durable::No)) {
            tracing::warn!(%error, "the journal is incomplete");
        }
    }

    /// Writing broke off for a reason that is not the disk's.
    pub(crate) fn broken(&self, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> JournalError {
        JournalError { path: self.path.clone(), reason: Arc::new(io::Error::other(reason)) }
    }

    fn told(&self, written: io::Result<()>) -> Result<(), JournalError> {
        written.map_err(|reason| JournalError { path: self.path.clone(), reason: Arc::new(reason) })
    }

    fn append(&self, entries: &[impl Serialize], durable: Durable) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A file without a name is no journal: nobody who comes later could read it.
        if file.metadata()?.nlink() == 0 {
            return Err(io::Error::new(io::ErrorKind::NotFound, "somebody removed it while the run was on"));
        }
        write(&mut file, entries)?;
        if durable == Durable::Yes { file.sync_data() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
