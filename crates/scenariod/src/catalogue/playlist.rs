//! Playlists: scenarios in an order of their own, with pauses, repeats and what differs from the catalogue. Compiled in
//! or read from the user's files. What comes out names only scenarios that exist.

use std::time::Duration;

use crate::plan::TimeScale;
use crate::scenario::{Scenario, SourceLine};

mod checked;
mod files;
mod raw;

pub(crate) use files::{built_in, playlist, playlists};

/// A named order of scenarios.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) name: String,
    /// What it is for, in one line.
    pub(crate) about: String,
    /// In run order, repeats written out; at least one.
    pub(crate) entries: Vec<PlaylistEntry>,
    /// Where its name is written.
    pub(crate) source: SourceLine,
}

/// One scenario as it is to be walked once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlaylistEntry {
    /// With what the playlist overrides.
    pub(crate) scenario: Scenario,
    pub(crate) scale: TimeScale,
    /// The seed of this run, where the playlist sets it.
    pub(crate) seed: Option<u64>,
    /// Between this run and the next.
    pub(crate) pause: Duration,
}

impl PlaylistEntry {
    /// A scenario as the catalogue has it.
    pub(crate) fn plain(scenario: &Scenario) -> PlaylistEntry {
        PlaylistEntry {
            scenario: scenario.clone(),
            scale: TimeScale::default(),
            seed: None,
            pause: Duration::ZERO,
        }
    }

    /// How long it takes by plan, without its pause.
    pub(crate) fn length(&self) -> Duration {
        self.scale.of(self.scenario.phases.total())
    }
}

impl Playlist {
    /// How long it takes by plan; nothing waits for the pause after the last run.
    pub(crate) fn length(&self) -> Duration {
        let last = self.entries.last().map_or(Duration::ZERO, |entry| entry.pause);
        let one = |sum: Duration, entry: &PlaylistEntry| {
            sum.saturating_add(entry.length()).saturating_add(entry.pause)
        };
        self.entries.iter().fold(Duration::ZERO, one).saturating_sub(last)
    }
}

#[cfg(test)]
mod tests;
