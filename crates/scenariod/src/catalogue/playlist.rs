//! Playlists: scenarios in an order of their own, with pauses, repeats and what differs from the catalogue. Compiled in
//! or read from the user's files. What comes out names only scenarios that exist.

use std::time::Duration;

use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::Document;

use crate::catalogue::Catalogue;
use crate::catalogue::source_files::Source;
use crate::plan::TimeScale;
use crate::scenario::{Place, Scenario};

mod checked;
mod raw;

/// `config/playlists`, in the order in which they are listed.
const BUILT_IN: &[(&str, &str)] = &[
    ("config/playlists/smoke.yaml", include_str!("../../../../config/playlists/smoke.yaml")),
    ("config/playlists/monday.yaml", include_str!("../../../../config/playlists/monday.yaml")),
    (
        "config/playlists/packet-loss-ladder.yaml",
        include_str!("../../../../config/playlists/packet-loss-ladder.yaml"),
    ),
];

/// A named order of scenarios.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Playlist {
    pub(crate) name: String,
    /// What it is for, in one line.
    pub(crate) about: String,
    /// In run order, repeats written out; at least one.
    pub(crate) entries: Vec<Entry>,
    /// Where its name is written.
    pub(crate) place: Place,
}

/// One scenario as it is to be walked once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// With what the playlist overrides.
    pub(crate) scenario: Scenario,
    pub(crate) scale: TimeScale,
    /// The seed of this run, where the playlist sets it.
    pub(crate) seed: Option<u64>,
    /// Between this run and the next.
    pub(crate) pause: Duration,
}

impl Entry {
    /// A scenario as the catalogue has it.
    pub(crate) fn plain(scenario: &Scenario) -> Entry {
        Entry { scenario: scenario.clone(), scale: TimeScale::default(), seed: None, pause: Duration::ZERO }
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
        let one =
            |sum: Duration, entry: &Entry| sum.saturating_add(entry.length()).saturating_add(entry.pause);
        self.entries.iter().fold(Duration::ZERO, one).saturating_sub(last)
    }
}

/// The compiled-in files.
pub(crate) fn built_in() -> Vec<Source> {
    let source =
        |&(name, text): &(&str, &str)| Source { name: format!("{name} (built in)"), text: text.to_owned() };
    BUILT_IN.iter().map(source).collect()
}

/// The playlists of files, or everything that is wrong with all of them.
pub(crate) fn playlists(sources: &[Source], catalogue: &Catalogue) -> Result<Vec<Playlist>, Problems> {
    let mut problems = Problems::default();
    let mut playlists: Vec<Playlist> = Vec::new();
    for source in sources {
        match playlist(source, catalogue) {
            Err(found) => problems.extend(found),
            Ok(playlist) => match playlists.iter().find(|earlier| earlier.name == playlist.name) {
                None => playlists.push(playlist),
                Some(earlier) => {
                    let message = format!("playlist `{}` is also in {}", playlist.name, earlier.place.file);
                    let Place { file, line } = playlist.place;
                    problems.extend(Problem { file, line, message }.into());
                }
            },
        }
    }
    problems.or(playlists)
}

/// The one playlist of a file.
pub(crate) fn playlist(source: &Source, catalogue: &Catalogue) -> Result<Playlist, Problems> {
    let document = Document::parse(source.name.as_str(), source.text.as_str())?;
    let raw = document.decode::<raw::Playlist>()?;
    checked::playlist(&raw, &document, catalogue)
}

#[cfg(test)]
mod tests;
