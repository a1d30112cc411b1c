//! The signals that ask a daemon to stop, as values. How a daemon stops is decided by the daemon.

use std::io;

use procfs::process::Process;
use tokio::signal::unix::{self, SignalKind};

use crate::exit::Exit;

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: a closed terminal. Without a handler it would end the process with its faults on.
    Hangup,
    /// SIGQUIT: Ctrl-\. Without a handler it would end the process with its faults on.
    Quit,
}

impl Signal {
    /// The exit code after the signal when no fault is left on.
    pub fn exit(self) -> Exit {
        match self {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Hangup | Signal::Quit => Exit::Terminated,
        }
    }

    /// Its name, for a message.
    pub fn name(self) -> &'static str {
        match self {
            Signal::Interrupt => "SIGINT",
            Signal::Terminate => "SIGTERM",
            Signal::Hangup => "SIGHUP",
            Signal::Quit => "SIGQUIT",
        }
    }

    fn kind(self) -> SignalKind {
        match self {
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Terminate => SignalKind::terminate(),
            Signal::Hangup => SignalKind::hangup(),
            Signal::Quit => SignalKind::quit(),
        }
    }
}

/// The signal handlers. Once they are installed no signal is lost: it waits for [`recv`](Self::recv).
#[derive(Debug)]
pub struct Signals {
    interrupt: Handler,
    terminate: Handler,
    hangup: Handler,
    quit: Handler,
}

impl Signals {
    /// Installs the handlers. A signal that the caller has ignored stays ignored, as with `nohup`.
    pub fn install() -> io::Result<Signals> {
        let ignored = ignored_signals();
        let handler = |signal: Signal| Handler::new(signal, ignored);
        Ok(Signals {
            interrupt: handler(Signal::Interrupt)?,
            terminate: handler(Signal::Terminate)?,
            hangup: handler(Signal::Hangup)?,
            quit: handler(Signal::Quit)?,
        })
    }

    /// The next signal. Safe to cancel.
    pub async fn recv(&mut self) -> Signal {
        tokio::select! {
            signal = self.interrupt.recv() => signal,
            signal = self.terminate.recv() => signal,
            signal = self.hangup.recv() => signal,
            signal = self.quit.recv() => signal,
        }
    }
}

#[derive(Debug)]
struct Handler {
    signal: Signal,
    /// `None` if the signal is ignored.
    stream: Option<unix::Signal>,
}

impl Handler {
    fn new(signal: Signal, ignored: u64) -> io::Result<Handler> {
        let kind = signal.kind();
        let stream = (!contains(ignored, kind)).then(|| unix::signal(kind)).transpose()?;
        Ok(Handler { signal, stream })
    }

    async fn recv(&mut self) -> Signal {
        match &mut self.stream {
            Some(stream) => stream.recv().await,
            None => std::future::pending().await,
        };
        self.signal
    }
}

/// The signals that this process ignores, one bit for each. Without `/proc` none is known to be ignored.
fn ignored_signals() -> u64 {
    Process::myself().and_then(|process| process.status()).map_or(0, |status| status.sigign)
}

/// Whether a set of signals contains this one. Bit 0 is signal 1.
fn contains(signals: u64, kind: SignalKind) -> bool {
    let number = kind.as_raw_value();
    u32::try_from(number - 1).ok().and_then(|bit| signals.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_signals_starts_at_signal_1() {
        let (hangup, quit) = (0b1, 0b100);
        assert!(contains(hangup, SignalKind::hangup()) && !contains(quit, SignalKind::hangup()));
        assert!(contains(quit, SignalKind::quit()) && !contains(hangup, SignalKind::quit()));
        assert!(contains(1 << 14, SignalKind::terminate()));
        assert!(!contains(u64::MAX, SignalKind::from_raw(65)));
    }

    #[test]
    fn only_sigint_counts_as_an_interrupt() {
        for signal in [Signal::Interrupt, Signal::Terminate, Signal::Hangup, Signal::Quit] {
            let expected = if signal == Signal::Interrupt { Exit::Interrupted } else { Exit::Terminated };
            assert_eq!(signal.exit(), expected);
            assert!(signal.name().starts_with("SIG"));
        }
    }
}
