//! The runs of a playlist, and the messages about a wrong one.

use std::time::Duration;

use daemon_core::problems::Problems;

use super::*;
use crate::catalogue::source_files::Source;

fn read(text: &str) -> Result<Playlist, Problems> {
    let source = Source { name: "mine.yaml".to_owned(), text: text.to_owned() };
    playlist(&source, &crate::catalogue::library::Library::load(None).unwrap().catalogue)
}

fn wrong(text: &str) -> String {
    read(text).expect_err("is wrong").to_string()
}

#[test]
fn runs_keep_the_order_of_the_entries_and_have_their_changes() {
    let list = read(
        "playlist: mine\nabout: x\npause: 10s\ntime_scale: 0.5\nphases: { recovery: 20s }\nentries:\n  \
         - latency-1s\n  \
         - { scenario: packet-loss-10, repeat: 2, pause: 0s, time_scale: 1, seed: 7, rate: 0.3, phases: { testing: 4s } }\n  \
         - flaky\n",
    )
    .unwrap();
    let names: Vec<&str> = list.entries.iter().map(|entry| entry.scenario.name.as_str()).collect();
    assert_eq!(names, ["latency-1s", "packet-loss-10", "packet-loss-10", "flaky-fast", "flaky-slow"]);
    let seconds = Duration::from_secs;
    let [first, second, third, ..] = list.entries.as_slice() else { unreachable!() };
    assert_eq!((first.scale, first.pause, first.seed), (TimeScale::new(0.5).unwrap(), seconds(10), None));
    assert_eq!(first.scenario.phases.recovery, seconds(20));
    assert_eq!((second.scale, second.pause, second.seed), (TimeScale::default(), Duration::ZERO, Some(7)));
    let phases = second.scenario.phases;
    assert_eq!(
        (phases.stabilization, phases.testing, phases.recovery),
        (seconds(30), seconds(4), seconds(20))
    );
    assert_eq!(second.scenario.faults[0].fault.describe(), "packet loss 30%");
    assert_eq!(second, third);
    // 55 + 10, twice 54, and twice 55 with one pause between; none after the last.
    assert_eq!(list.length(), seconds(65 + 2 * 54 + 2 * 55 + 10));
}

#[test]
fn every_problem_has_its_line_and_the_nearest_name() {
    assert_eq!(
        wrong(
            "playlist: Mine\nabout: ''\ntime_scale: 1e9\nentries:\n  - packet-los-10\n  \
             - { scenario: latency-1s, rate: 0.1 }\n  - { scenario: blip, repeat: 2000 }\n  \
             - { scenario: flaky, time_scale: 0 }\n  - { scenario: packet-loss-2, rate: 1e-300 }\n"
        ),
        "mine.yaml:1: invalid playlist name `Mine`: use lowercase letters, digits and dashes, and no dash at the start\n\
         mine.yaml:2: `about` must be one line of text\n\
         mine.yaml:3: `time_scale` is 1e9, must be from 0.0001 to 100\n\
         mine.yaml:5: unknown scenario or family `packet-los-10`, did you mean `packet-loss-10`? (scenarios of your own: --catalogue DIR)\n\
         mine.yaml:6: latency-1s has no fault with a loss rate\n\
         mine.yaml:7: `repeat` is 2000, must be at most 1000\n\
         mine.yaml:8: `time_scale` is 0, must be from 0.0001 to 100\n\
         mine.yaml:9: `rate` is 1e-300, must be from 0.000001 to 1"
    );
    assert_eq!(
        wrong("playlist: mine\nabuot: x\nentries:\n  - { scenaro: x }\n  - [a]\n"),
        "mine.yaml:1: missing key `about` in the file\n\
         mine.yaml:2: unknown key `abuot` in the file, did you mean `about`?\n\
         mine.yaml:4: unknown key `scenaro` in `entries`, did you mean `scenario`?\n\
         mine.yaml:5: `entries` must be text or a mapping, found a list"
    );
    assert_eq!(
        wrong("playlist: mine\nabout: x\nentries: []\n"),
        "mine.yaml:3: a playlist needs at least one entry"
    );
}

#[test]
fn two_playlists_with_one_name_are_refused() {
    let source = |name: &str| Source {
        name: name.to_owned(),
        text: "# mine\nplaylist: mine\nabout: x\nentries: [latency]\n".to_owned(),
    };
    let catalogue = crate::catalogue::library::Library::load(None).unwrap().catalogue;
    let found = playlists(&[source("a.yaml"), source("b.yaml")], &catalogue).unwrap_err();
    assert_eq!(found.to_string(), "b.yaml:2: playlist `mine` is also in a.yaml");
}

#[test]
fn every_shipped_file_is_compiled_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/playlists");
    let texts = |sources: Vec<Source>| {
        let mut texts: Vec<String> = sources.into_iter().map(|source| source.text).collect();
        texts.sort();
        texts
    };
    assert_eq!(texts(crate::catalogue::source_files::read_folder(&folder).unwrap()), texts(built_in()));
}

#[test]
fn monday_has_one_scenario_of_each_family() {
    let catalogue = crate::catalogue::library::Library::load(None).unwrap().catalogue;
    let all = playlists(&built_in(), &catalogue).unwrap();
    let monday = all.iter().find(|list| list.name == "monday").unwrap();
    let families: Vec<&str> = monday.entries.iter().map(|entry| entry.scenario.family.as_str()).collect();
    assert_eq!(families, catalogue.families());
}
