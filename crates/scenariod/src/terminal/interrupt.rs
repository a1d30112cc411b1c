//! The first signal that a command receives: it cancels the run and decides the exit code. Nothing is removed here.

use std::sync::{Arc, OnceLock};

use daemon_core::exit::Exit;
use daemon_core::signals::{Signal, Signals};
use tokio_util::sync::CancellationToken;

use crate::terminal::narrator::Narrator;

/// Set once, by the first signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    token: CancellationToken,
    caught: Arc<OnceLock<Signal>>,
}

impl Interrupt {
    /// Waits for signals in the background. The first one cancels; later ones only get a line.
    pub(crate) fn listen(mut signals: Signals, narrator: Narrator) -> Interrupt {
        let interrupt = Interrupt::default();
        let first = interrupt.clone();
        tokio::spawn(async move {
            loop {
                let signal = signals.recv().await;
                if first.caught.set(signal).is_ok() {
                    narrator.say(format!("{}: removing injected faults, then exiting", signal.name()));
                    first.token.cancel();
                } else {
                    narrator.say(format!("{}: removal is in progress and will be completed", signal.name()));
                }
            }
        });
        interrupt
    }

    /// Cancelled by the first signal.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    pub(crate) fn is_set(&self) -> bool {
        self.token.is_cancelled()
    }

    /// The exit code for the signal that was caught.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.caught.get().map(|signal| signal.exit())
    }
}
