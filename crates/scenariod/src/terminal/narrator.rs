//! Writes to standard error what a run does, line by line, and on a terminal keeps one progress line below. A thread of its
//! own writes, so that a slow reader never delays the removal of a fault. What is written is decided by the callers.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use daemon_core::text::escape_lines;
use metrics_core::Locked;

use crate::terminal::progress::{LiveFigures, Progress, ProgressLine};
use crate::text::format_duration;

/// Messages kept for a slow reader. More are dropped.
const BACKLOG: usize = 1_000;
/// How long to wait for the last lines.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the progress line moves without a message.
const TICK: Duration = Duration::from_millis(250);

/// How much is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputMode {
    /// Lines, with a progress line below them.
    Live,
    Lines,
    /// Only lines of the log.
    Quiet,
}

impl OutputMode {
    /// A progress line needs a terminal that can return to the start of a line.
    pub(crate) fn choose(quiet: bool) -> OutputMode {
        let dumb = env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match (quiet, io::stderr().is_terminal() && !dumb) {
            (true, _) => OutputMode::Quiet,
            (false, true) => OutputMode::Live,
            (false, false) => OutputMode::Lines,
        }
    }
}

/// To the writing thread.
#[derive(Debug)]
enum Message {
    Line(String),
    /// A line of the log. Even a quiet run writes it.
    Log(String),
    Run(String),
    Phase {
        name: String,
        length: Duration,
    },
    FaultsOn(usize),
    Figures(LiveFigures),
    Idle,
}

/// Takes lines. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Narrator {
    messages: SyncSender<Message>,
    mode: OutputMode,
}

/// Waits for the last lines.
#[derive(Debug)]
pub(crate) struct Flush {
    written: Receiver<()>,
}

impl Narrator {
    pub(crate) fn start(mode: OutputMode) -> (Narrator, Flush) {
        let (messages, queue) = mpsc::sync_channel::<Message>(BACKLOG);
        let (done, written) = mpsc::sync_channel(1);
        thread::spawn(move || {
            Writer::new(mode).write_all(&queue);
            let _ = done.send(());
        });
        (Narrator { messages, mode }, Flush { written })
    }

    pub(crate) fn say(&self, line: impl Into<String>) {
        self.send(Message::Line(line.into()));
    }

    /// Starts a run. What follows is about it.
    pub(crate) fn run(&self, name: String) {
        self.send(Message::Run(name));
    }

    /// Starts a phase of this length.
    pub(crate) fn phase(&self, name: &str, length: Duration) {
        self.send(Message::Phase { name: name.to_owned(), length });
    }

    /// Starts a pause between two runs.
    pub(crate) fn pausing(&self, length: Duration) {
        self.say(format!("pause of {}", format_duration(length)));
        self.phase("pause", length);
    }

    pub(crate) fn faults_on(&self, count: usize) {
        self.send(Message::FaultsOn(count));
    }

    /// Replaces the figures on the progress line.
    pub(crate) fn figures(&self, figures: LiveFigures) {
        self.send(Message::Figures(figures));
    }

    /// Whether there is a progress line to show figures on.
    pub(crate) fn shows_figures(&self) -> bool {
        self.mode == OutputMode::Live
    }

    /// Ends a run.
    pub(crate) fn idle(&self) {
        self.send(Message::Idle);
    }

    fn send(&self, message: Message) {
        let _ = self.messages.try_send(message);
    }
}

/// The writing side.
struct Writer {
    mode: OutputMode,
    progress: Progress,
    /// During a phase, on a terminal: the progress line, and when the phase started.
    live: Option<(ProgressLine, Instant)>,
}

impl Writer {
    fn new(mode: OutputMode) -> Writer {
        Writer { mode, progress: Progress::default(), live: None }
    }

    /// Until the last narrator is gone.
    fn write_all(mut self, queue: &Receiver<Message>) {
        loop {
            let message = match self.live {
                Some(_) => queue.recv_timeout(TICK),
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if let Some((line, since)) = &self.live {
                line.draw(&self.progress, since.elapsed());
            }
        }
        self.clear();
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Line(_) if self.mode == OutputMode::Quiet => {}
            // A line may quote a file or an answer. A line of the log has colours, and its values are already escaped.
            Message::Line(line) => self.write(escape_lines(&line)),
            Message::Log(line) => self.write(line),
            Message::Run(run) => {
                self.clear();
                self.progress = Progress { run, ..Progress::default() };
            }
            Message::Phase { name, length } => {
                self.progress.phase = name;
                self.progress.length = length;
                if self.mode == OutputMode::Live {
                    let line = self.live.take().map_or_else(ProgressLine::new, |(line, _)| line);
                    self.live = Some((line, Instant::now()));
                }
            }
            Message::FaultsOn(count) => self.progress.faults_on = count,
            // The last figures may arrive after the end of the phase.
            Message::Figures(figures) if self.live.is_some() => self.progress.figures = figures,
            Message::Figures(_) => {}
            Message::Idle => {
                self.progress = Progress::default();
                self.clear();
            }
        }
    }

    fn write(&self, mut line: String) {
        line.push('\n');
        // The run goes on without standard error.
        let write = || {
            let _ = io::stderr().lock().write_all(line.as_bytes());
        };
        match &self.live {
            Some((line, _)) => line.write_above(write),
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
    /// Waits up to a second until everything is written. Every `Narrator` must be dropped before.
    pub(crate) fn wait(self) {
        let _ = self.written.recv_timeout(FLUSH);
    }
}

/// Where log lines go: to standard error, or to a narrator while there is one, so that they do not break its progress line.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines(Arc<Locked<Option<Narrator>>>);

/// Sends log lines to the narrator until it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct LogRedirect<'a>(&'a LogLines);

impl LogLines {
    pub(crate) fn redirect_to(&self, narrator: &Narrator) -> LogRedirect<'_> {
        *self.0.lock() = Some(narrator.clone());
        LogRedirect(self)
    }
}

impl Drop for LogRedirect<'_> {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let narrator = self.0.lock().clone();
        let Some(narrator) = narrator else { return io::stderr().write(bytes) };
        narrator.send(Message::Log(String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
