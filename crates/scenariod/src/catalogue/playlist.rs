//! Playlists: lists of scenarios with pauses, repeats and changes to what the catalogue says. They are compiled in or read
//! from the user's files. A checked playlist names only scenarios that exist.

use std::time::Duration;

use crate::plan::TimeScale;
use crate::plan::lengths::{LAB_INTERVAL, Pace, PhaseLengths};
use crate::scenario::{Phases, Scenario, SourceLine};

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
    /// At least one, in run order. A repeated entry is here several times.
    pub(crate) entries: Vec<PlaylistEntry>,
    /// Where its name is written.
    pub(crate) source: SourceLine,
}

/// One run of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlaylistEntry {
    /// As the playlist changes it.
    pub(crate) scenario: Scenario,
    pub(crate) scale: TimeScale,
    /// The seed of this run, if the playlist sets it.
    pub(crate) seed: Option<u64>,
    /// The time between this run and the next.
    pub(crate) pause: Duration,
}

impl PlaylistEntry {
    /// A run of a scenario as the catalogue has it.
    pub(crate) fn plain(scenario: &Scenario) -> PlaylistEntry {
        PlaylistEntry {
            scenario: scenario.clone(),
            scale: TimeScale::default(),
            seed: None,
            pause: Duration::ZERO,
        }
    }

    /// The planned lengths of its phases, if it is judged by scrapes at the interval of the lab.
    pub(crate) fn phases(&self) -> Phases {
        let pace = Pace { scale: self.scale, interval: Some(LAB_INTERVAL) };
        PhaseLengths::new(&self.scenario, pace).planned
    }

    /// Its planned length, without the pause.
    pub(crate) fn length(&self) -> Duration {
        self.phases().total()
    }
}

impl Playlist {
    /// Its planned length. There is no pause after the last run.
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
