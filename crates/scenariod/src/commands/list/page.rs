//! The catalogue as a page of the documentation. Pure.

use std::fmt::Write;

use super::table::format_phases;
use crate::catalogue::Catalogue;
use crate::catalogue::library::Library;
use crate::scenario::expectation::Expectation;
use crate::scenario::{FaultEntry, Scenario};
use crate::text::{format_duration, format_share};

/// An example of a playlist file, which a test parses.
const PLAYLISTS: &str = "
## Playlists

`--scenario` accepts the path of a playlist file, the name of a playlist in the `--catalogue` folder, or the name of a playlist
in the table below. Only `playlist`, `about` and `entries` are required. An entry lists what differs from the rest of the
playlist.

```yaml
playlist: before-release
about: what a client must survive before a release
pause: 10s               # between two runs; `--pause` overrides it
time_scale: 0.5          # `--time-scale` multiplies it
phases: { recovery: 30s }
entries:
  - latency-1s           # a scenario or a family
  - { scenario: packet-loss-10, rate: 0.15, repeat: 3, pause: 30s }
  - { scenario: any-two-nodes-lossy, seed: 7, time_scale: 1, phases: { testing: 20s } }
```

";

/// A page of the documentation.
pub(crate) fn page(library: &Library) -> String {
    let catalogue = &library.catalogue;
    let mut page = String::from(
        "# Scenarios\n\n`scenariod --scenario NAME` runs a scenario of this page. The name of a family runs the whole family, \
         the name of a\nplaylist its runs in order, and `all` every scenario. `scenariod show NAME` draws the timeline of a \
         scenario and prints every\nrequest to Toxiproxy. Expectations are checked in Prometheus: [verdicts.md](verdicts.md). \
         `scenariod list --markdown` prints\nthis page.\n",
    );
    for family in catalogue.families() {
        let _ = write!(
            page,
            "\n## {family}\n\n| scenario | phases | what it shows | faults | expectations |\n|---|---|---|---|---|\n"
        );
        let shared = shared_expectations(catalogue, family);
        for scenario in catalogue.scenarios().iter().filter(|scenario| scenario.family == family) {
            let faults: Vec<String> = scenario.faults.iter().map(describe_fault).collect();
            let aliases: Vec<String> = scenario.aliases.iter().map(|alias| format!("`{alias}`")).collect();
            let also =
                if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
            let _ = writeln!(
                page,
                "| `{}`{also} | {} | {} | {} | {} |",
                scenario.name,
                format_phases(scenario),
                scenario.about,
                faults.join("; "),
                describe_expectations(scenario.expect.iter().filter(|own| !shared.contains(own))),
            );
        }
        if !shared.is_empty() {
            let _ = writeln!(
                page,
                "\nExpectations of every scenario of this family: {}.",
                describe_expectations(shared.into_iter())
            );
        }
    }
    page.push_str(PLAYLISTS);
    page.push_str("| playlist | takes | what it is for | runs |\n|---|---|---|---|\n");
    for list in &library.playlists {
        let names: Vec<String> =
            list.entries.iter().map(|entry| format!("`{}`", entry.scenario.name)).collect();
        let takes = format_duration(list.length());
        let _ = writeln!(page, "| `{}` | {takes} | {} | {} |", list.name, list.about, names.join(", "));
    }
    page
}

/// The expectations that all scenarios of a family have.
fn shared_expectations<'a>(catalogue: &'a Catalogue, family: &str) -> Vec<&'a Expectation> {
    let mut scenarios = catalogue.scenarios().iter().filter(|scenario| scenario.family == family);
    let first = scenarios.next().map(|scenario| scenario.expect.iter()).into_iter().flatten();
    let rest: Vec<&Scenario> = scenarios.collect();
    first.filter(|expectation| rest.iter().all(|other| other.expect.contains(expectation))).collect()
}

fn describe_expectations<'a>(expectations: impl Iterator<Item = &'a Expectation>) -> String {
    let one = |expectation: &Expectation| format!("{} ({})", expectation.name, expectation.must.describe());
    expectations.map(one).collect::<Vec<_>>().join("; ")
}

/// A fault in words.
fn describe_fault(entry: &FaultEntry) -> String {
    let target = entry.target.describe();
    let direction = entry.direction.as_str();
    let share = match entry.share.get() {
        share if share < 1.0 => format!(", {} of connections", format_share(share)),
        _ => String::new(),
    };
    format!("{} on {target} ({direction}{share}){}", entry.fault.describe(), entry.shape.describe())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playlist_on_the_page_is_valid() {
        let text = PLAYLISTS.split("```").nth(1).unwrap().trim_start_matches("yaml");
        let source =
            crate::catalogue::source_files::Source { name: "page".to_owned(), text: text.to_owned() };
        let list =
            crate::catalogue::playlist::playlist(&source, &Library::load(None).unwrap().catalogue).unwrap();
        assert_eq!(list.entries.len(), 5);
    }
}
