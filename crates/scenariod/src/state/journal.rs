//! The write-ahead journal of one run: what it is about to put on is on the disk before Toxiproxy hears of it. One
//! JSON object a line. Its lock is the run's heartbeat.

mod past;

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use daemon_core::exit::Exit;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use past::{Settled, settle};

use crate::clock;
use crate::lease::RunId;
use crate::plan::Step;
use crate::state::lock;
use crate::state::{StateDir, StateError};
use crate::toxiproxy::toxic_body;

/// Journals of runs that left nothing are kept up to this number.
const KEPT: usize = 200;

/// A line, beside its time. Kinds that others write are notes to this module.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Entry {
    Begin {
        run: String,
        scenario: String,
        toxiproxy: String,
    },
    Intent {
        server: String,
        toxic: String,
        run: String,
        deadline: u64,
        body: Value,
    },
    Applied {
        server: String,
        toxic: String,
    },
    Removed {
        server: String,
        toxic: String,
    },
    /// With the exit code that the run asks for.
    End {
        exit: Option<u8>,
    },
    /// It was cut off; whoever found that out has seen that nothing of it is left.
    Aborted,
    #[serde(other)]
    Note,
}

#[derive(Serialize)]
struct Line<T> {
    at: f64,
    #[serde(flatten)]
    entry: T,
}

#[derive(Serialize)]
struct Noted<'a, T> {
    kind: &'a str,
    value: &'a T,
}

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

/// All lines or none: half a line would spoil the next one.
fn write(file: &mut File, entries: &[impl Serialize]) -> io::Result<()> {
    let at = clock::now().as_secs_f64();
    let mut text = String::new();
    for entry in entries {
        text.push_str(&serde_json::to_string(&Line { at, entry })?);
        text.push('\n');
    }
    let before = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(text.as_bytes());
    if written.is_err() {
        let _ = file.set_len(before);
    }
    written
}

/// A journal that is not wanted any more.
fn forget(state: &StateDir, run: &RunId) {
    if let Err(error) = fs::remove_file(state.journal(run)) {
        tracing::warn!(%error, %run, "cannot remove an old journal");
    }
}

#[cfg(test)]
mod tests;
