//! Says on standard error what a run does, one line at a time. Lines are written by a thread of their own: whoever
//! does not read them must never hold up the removal of a fault.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use crate::stage::readable;

/// Lines that wait for a slow reader; more are dropped.
const BACKLOG: usize = 1_000;
/// How long the last lines may take.
const FLUSH: Duration = Duration::from_secs(1);

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Narrator {
    lines: SyncSender<String>,
}

/// Waits for the lines at the end.
#[derive(Debug)]
pub(crate) struct Flush {
    written: Receiver<()>,
}

impl Narrator {
    pub(crate) fn start() -> (Narrator, Flush) {
        let (lines, queue) = mpsc::sync_channel::<String>(BACKLOG);
        let (done, written) = mpsc::sync_channel(1);
        thread::spawn(move || {
            for mut line in queue {
                line.push('\n');
                // Nobody is left to tell when standard error is gone; the run goes on.
                let _ = io::stderr().lock().write_all(line.as_bytes());
            }
            let _ = done.send(());
        });
        (Narrator { lines }, Flush { written })
    }

    /// Nothing happens for so long.
    pub(crate) fn pausing(&self, length: Duration) {
        self.say(format!("pause of {}", readable(length)));
    }

    pub(crate) fn say(&self, line: impl Into<String>) {
        let _ = self.lines.try_send(line.into());
    }
}

impl Flush {
    /// Waits, not for long, until everything is written. Every `Narrator` has to be gone by then.
    pub(crate) fn wait(self) {
        let _ = self.written.recv_timeout(FLUSH);
    }
}
