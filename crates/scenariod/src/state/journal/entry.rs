//! The lines of a journal: what they hold and how they are written. Their order is the journal's business.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock;
use crate::lease::RunId;
use crate::state::StateDir;

/// A line, beside its time. Kinds that others write are notes to this module.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Entry {
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
pub(super) struct Noted<'a, T> {
    pub(super) kind: &'a str,
    pub(super) value: &'a T,
}

/// All lines or none: half a line would spoil the next one.
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

/// A journal that is not wanted any more.
pub(super) fn forget(state: &StateDir, run: &RunId) {
    if let Err(error) = fs::remove_file(state.journal(run)) {
        tracing::warn!(%error, %run, "cannot remove an old journal");
    }
}
