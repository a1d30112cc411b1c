//! Reads playlists from files, compiled in or the user's, and checks that their names differ.

use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::Document;

use super::{Playlist, checked, raw};
use crate::catalogue::Catalogue;
use crate::catalogue::source_files::Source;
use crate::scenario::SourceLine;

/// `config/playlists`, in the order of lists.
const BUILT_IN: &[(&str, &str)] = &[
    ("config/playlists/smoke.yaml", include_str!("../../../../../config/playlists/smoke.yaml")),
    ("config/playlists/monday.yaml", include_str!("../../../../../config/playlists/monday.yaml")),
    (
        "config/playlists/packet-loss-ladder.yaml",
        include_str!("../../../../../config/playlists/packet-loss-ladder.yaml"),
    ),
];

/// The compiled-in files.
pub(crate) fn built_in() -> Vec<Source> {
    let source =
        |&(name, text): &(&str, &str)| Source { name: format!("{name} (built in)"), text: text.to_owned() };
    BUILT_IN.iter().map(source).collect()
}

/// The playlists of files, or the problems of all these files.
pub(crate) fn playlists(sources: &[Source], catalogue: &Catalogue) -> Result<Vec<Playlist>, Problems> {
    let mut problems = Problems::default();
    let mut playlists: Vec<Playlist> = Vec::new();
    for source in sources {
        match playlist(source, catalogue) {
            Err(found) => problems.extend(found),
            Ok(playlist) => match playlists.iter().find(|earlier| earlier.name == playlist.name) {
                None => playlists.push(playlist),
                Some(earlier) => {
                    let message = format!("playlist `{}` is also in {}", playlist.name, earlier.source.file);
                    let SourceLine { file, line } = playlist.source;
                    problems.extend(Problem { file, line, message }.into());
                }
            },
        }
    }
    problems.or(playlists)
}

/// The playlist of a file.
pub(crate) fn playlist(source: &Source, catalogue: &Catalogue) -> Result<Playlist, Problems> {
    let document = Document::parse(source.name.as_str(), source.text.as_str())?;
    let raw = document.decode::<raw::Playlist>()?;
    checked::playlist(&raw, &document, catalogue)
}
