//! Says on standard error what a run does, one line at a time, and on a terminal keeps one live line below them. A
//! thread of its own writes: whoever does not read must never hold up the removal of a fault.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::terminal::progress::{Figures, Line, Scene};
use crate::text::format_duration;

/// What waits for a slow reader; more is dropped.
const BACKLOG: usize = 1_000;
/// How long the last lines may take.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the live line moves by itself.
const TICK: Duration = Duration::from_millis(250);

/// How a run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Lines, with a live line below them.
    Live,
    Lines,
    /// Not at all; log lines still come through.
    Quiet,
}

impl Manner {
    /// A live line needs a terminal that can go back in its line.
    pub(crate) fn of(quiet: bool) -> Manner {
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match (quiet, io::stderr().is_terminal() && !dumb) {
            (true, _) => Manner::Quiet,
            (false, true) => Manner::Live,
            (false, false) => Manner::Lines,
        }
    }
}

/// What the writing thread is told.
#[derive(Debug)]
enum Said {
    Line(String),
    /// From the log: written however quiet the run is.
    Log(String),
    Run(String),
    Phase {
        name: String,
        length: Duration,
    },
    FaultsOn(usize),
    Figures(Figures),
    Idle,
}

/// Where lines go. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Narrator {
    said: SyncSender<Said>,
    manner: Manner,
}

/// Waits for the lines at the end.
#[derive(Debug)]
pub(crate) struct Flush {
    written: Receiver<()>,
}

impl Narrator {
    pub(crate) fn start(manner: Manner) -> (Narrator, Flush) {
        let (said, queue) = mpsc::sync_channel::<Said>(BACKLOG);
        let (done, written) = mpsc::sync_channel(1);
        thread::spawn(move || {
            Teller::new(manner).tell(&queue);
            let _ = done.send(());
        });
        (Narrator { said, manner }, Flush { written })
    }

    pub(crate) fn say(&self, line: impl Into<String>) {
        self.send(Said::Line(line.into()));
    }

    /// A run begins; what follows is about it.
    pub(crate) fn run(&self, name: String) {
        self.send(Said::Run(name));
    }

    /// A phase of so long begins.
    pub(crate) fn phase(&self, name: &str, length: Duration) {
        self.send(Said::Phase { name: name.to_owned(), length });
    }

    /// Nothing happens for so long.
    pub(crate) fn pausing(&self, length: Duration) {
        self.say(format!("pause of {}", format_duration(length)));
        self.phase("pause", length);
    }

    pub(crate) fn faults_on(&self, count: usize) {
        self.send(Said::FaultsOn(count));
    }

    /// What was measured of late; it replaces what was told before.
    pub(crate) fn figures(&self, figures: Figures) {
        self.send(Said::Figures(figures));
    }

    /// Whether figures are shown at all.
    pub(crate) fn shows_figures(&self) -> bool {
        self.manner == Manner::Live
    }

    /// The run is over.
    pub(crate) fn idle(&self) {
        self.send(Said::Idle);
    }

    fn send(&self, said: Said) {
        let _ = self.said.try_send(said);
    }
}

/// The writing side.
struct Teller {
    manner: Manner,
    scene: Scene,
    /// While there is a phase, on a terminal: the line, and when the phase began.
    live: Option<(Line, Instant)>,
}

impl Teller {
    fn new(manner: Manner) -> Teller {
        Teller { manner, scene: Scene::default(), live: None }
    }

    fn tell(mut self, queue: &Receiver<Said>) {
        loop {
            let said = match self.live {
                Some(_) => queue.recv_timeout(TICK),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match said {
                Ok(said) => self.take(said),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some((line, since)) = &self.live {
                line.draw(&self.scene, since.elapsed());
            }
        }
        self.clear();
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::Line(_) if self.manner == Manner::Quiet => {}
            Said::Line(line) | Said::Log(line) => self.write(line),
            Said::Run(run) => {
                self.clear();
                self.scene = Scene { run, ..Scene::default() };
            }
            Said::Phase { name, length } => {
                self.scene.phase = name;
                self.scene.length = length;
                if self.manner == Manner::Live {
                    let line = self.live.take().map_or_else(Line::new, |(line, _)| line);
                    self.live = Some((line, Instant::now()));
                }
            }
            Said::FaultsOn(count) => self.scene.faults_on = count,
            // What was read last may come when the line is gone.
            Said::Figures(figures) if self.live.is_some() => self.scene.figures = figures,
            Said::Figures(_) => {}
            Said::Idle => {
                self.scene = Scene::default();
                self.clear();
            }
        }
    }

    fn write(&self, mut line: String) {
        line.push('\n');
        // Nobody is left to tell when standard error is gone; the run goes on.
        let write = || {
            let _ = io::stderr().lock().write_all(line.as_bytes());
        };
        match &self.live {
            Some((line, _)) => line.aside(write),
            None => write(),
        }
    }

    fn clear(&mut self) {
        if let Some((line, _)) = self.live.take() {
            line.clear();
        }
    }
}

/// A narrator that names the run in every line.
#[derive(Clone, Debug)]
pub(crate) struct Voice {
    pub(crate) narrator: Narrator,
    pub(crate) label: String,
}

impl Voice {
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        self.narrator.say(format!("{}: {}", self.label, line.as_ref()));
    }
}

impl Flush {
    /// Waits, not for long, until everything is written. Every `Narrator` has to be gone by then.
    pub(crate) fn wait(self) {
        let _ = self.written.recv_timeout(FLUSH);
    }
}

/// Where log lines go: to standard error, through a narrator while there is one, so that they do not break its line.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines(Arc<Mutex<Option<Narrator>>>);

/// Log lines go through the narrator until this is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Shared<'a>(&'a LogLines);

impl LogLines {
    pub(crate) fn share(&self, narrator: &Narrator) -> Shared<'_> {
        self.set(Some(narrator.clone()));
        Shared(self)
    }

    fn set(&self, narrator: Option<Narrator>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = narrator;
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let narrator = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(narrator) = narrator else { return io::stderr().write(bytes) };
        narrator.send(Said::Log(String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
