//! The lines of a journal: their fields and how they are written. `journal` decides their order.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::lease::RunId;
use crate::state::StateDir;

/// A line without its time.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum JournalEntry {
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
    /// The end of the run, with the exit code that it asks for.
    End {
        exit: Option<u8>,
    },
    /// Another process found the run cut off, and nothing of it left.
    Aborted,
    /// A line of any other kind, which only people read.
    #[serde(other)]
    Note,
}

#[derive(Serialize)]
struct Line<T> {
    at: f64,
    #[serde(flatten)]
    entry: T,
}

/// A line that only people read.
#[derive(Serialize)]
pub(super) struct NoteEntry<'a, T> {
    pub(super) kind: &'a str,
    pub(super) value: &'a T,
}

/// Writes all of the lines or none: half a line would corrupt the next one.
pub(super) fn write(file: &mut File, entries: &[impl Serialize]) -> io::Result<()> {
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

/// Deletes a journal. A failure is only logged.
pub(super) fn delete(state: &StateDir, run: &RunId) {
    if let Err(error) = fs::remove_file(state.journal(run)) {
        tracing::warn!(%error, %run, "cannot remove an old journal");
    }
}
