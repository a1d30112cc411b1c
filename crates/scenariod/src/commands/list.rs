//! `scenariod list`: what can be run, as a table, as JSON or as a page of the documentation. Offline.

use std::fmt::Write;

use serde_json::{Value, json};

use daemon_core::exit::Failure;

use super::context::load_library;
use crate::catalogue::Catalogue;
use crate::catalogue::library::Library;
use crate::catalogue::playlist::Playlist;
use crate::catalogue::selection;
use crate::cli::args::{CatalogueArgs, ListArgs};
use crate::scenario::expectation::Expectation;
use crate::scenario::{FaultEntry, Scenario, Target};
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

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    /// The page of the documentation.
    Markdown,
}

/// What `list` prints.
pub(crate) fn list(args: &ListArgs) -> Result<String, Failure> {
    let format = match (args.markdown, args.json) {
        (true, _) => Format::Markdown,
        (false, true) => Format::Json,
        (false, false) => Format::Table,
    };
    list_names(&args.names, &args.catalogue, format)
}

/// What can be run; with names, only those.
pub(crate) fn list_names(
    names: &[String],
    catalogue: &CatalogueArgs,
    format: Format,
) -> Result<String, Failure> {
    let mut library = load_library(catalogue)?;
    if !names.is_empty() {
        let words = || selection::split_words(names.iter().map(String::as_str));
        library.open_playlists(words())?;
        library = selection::restrict_library(&library, words())?;
    }
    Ok(match format {
        Format::Table => table(&library),
        Format::Json => as_json(&library),
        Format::Markdown => markdown(&library),
    })
}

/// A table with one block per family.
fn table(library: &Library) -> String {
    let catalogue = &library.catalogue;
    let names = catalogue.scenarios().iter().map(|scenario| &scenario.name);
    let names = names.chain(library.playlists.iter().map(|list| &list.name));
    let width = names.map(String::len).max().unwrap_or_default();
    let phases: Vec<String> = catalogue.scenarios().iter().map(format_phases).collect();
    let phases_width = phases.iter().map(|text| text.chars().count()).max().unwrap_or_default();
    let mut table = String::new();
    for family in catalogue.families() {
        if !table.is_empty() {
            table.push('\n');
        }
        let _ = writeln!(table, "{family}");
        for (scenario, phases) in
            catalogue.scenarios().iter().zip(&phases).filter(|(s, _)| s.family == family)
        {
            let _ = writeln!(table, "  {:width$}  {phases:phases_width$}  {}", scenario.name, scenario.about);
        }
    }
    let lists = &library.playlists;
    let runs: Vec<String> = lists.iter().map(runs).collect();
    let runs_width = runs.iter().map(String::len).max().unwrap_or_default();
    if !lists.is_empty() {
        table.push_str(if table.is_empty() { "playlists\n" } else { "\nplaylists\n" });
    }
    for (list, runs) in lists.iter().zip(&runs) {
        let _ = writeln!(table, "  {:width$}  {runs:runs_width$}  {}", list.name, list.about);
    }
    table
}

/// The number of runs and their length.
fn runs(list: &Playlist) -> String {
    let count = list.entries.len();
    format!("{count} run{} in {}", if count == 1 { "" } else { "s" }, format_duration(list.length()))
}

/// A page of the documentation.
fn markdown(library: &Library) -> String {
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
    let target = match &entry.target {
        Target::All => "all nodes".to_owned(),
        Target::Named(names) => names.join(" and "),
        Target::Count(count) => format!("{count} nodes"),
    };
    let direction = entry.direction.as_str();
    let share = match entry.share.get() {
        share if share < 1.0 => format!(", {} of connections", format_share(share)),
        _ => String::new(),
    };
    format!("{} on {target} ({direction}{share}){}", entry.fault.describe(), entry.shape.describe())
}

/// The lengths of stabilization, testing and recovery.
fn format_phases(scenario: &Scenario) -> String {
    let phases = &scenario.phases;
    [phases.stabilization, phases.testing, phases.recovery].map(format_duration).join(" + ")
}

/// JSON for programs.
fn as_json(library: &Library) -> String {
    let entry = |scenario: &Scenario| {
        json!({
            "name": scenario.name,
            "aliases": scenario.aliases,
            "family": scenario.family,
            "about": scenario.about,
            "phases": {
                "stabilization_seconds": scenario.phases.stabilization.as_secs_f64(),
                "testing_seconds": scenario.phases.testing.as_secs_f64(),
                "recovery_seconds": scenario.phases.recovery.as_secs_f64(),
            },
            "faults": scenario.faults.iter().map(fault).collect::<Vec<_>>(),
            "expect": scenario.expect.iter().map(expectation).collect::<Vec<_>>(),
            "stop_when": scenario.stop_when.iter().map(|rule| json!({
                "name": rule.name,
                "for_seconds": rule.lasting.as_secs_f64(),
                "promql": rule.query.template(),
            })).collect::<Vec<_>>(),
        })
    };
    let scenarios: Value = library.catalogue.scenarios().iter().map(entry).collect();
    let playlists: Value = library.playlists.iter().map(playlist).collect();
    format!("{:#}\n", json!({ "scenarios": scenarios, "playlists": playlists }))
}

fn playlist(list: &Playlist) -> Value {
    let names: Vec<&str> = list.entries.iter().map(|entry| entry.scenario.name.as_str()).collect();
    json!({
        "name": list.name,
        "about": list.about,
        "length_seconds": list.length().as_secs_f64(),
        "scenarios": names,
    })
}

fn expectation(expectation: &Expectation) -> Value {
    json!({
        "name": expectation.name,
        "phase": expectation.during.as_str(),
        "must": expectation.must.describe(),
        "promql": expectation.query.template(),
    })
}

fn fault(entry: &FaultEntry) -> Value {
    let target = match &entry.target {
        Target::All => json!("all"),
        Target::Named(names) => json!(names),
        Target::Count(count) => json!({ "count": count }),
    };
    let params: serde_json::Map<String, Value> =
        entry.fault.params().into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "fault": entry.fault.label().as_str(),
        "target": target,
        "direction": entry.direction.as_str(),
        "share": entry.share.get(),
        "params": params,
        "shape": entry.shape.describe().trim_matches([' ', '(', ')']),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_scenario_under_its_family() {
        let library = Library::load(None).unwrap();
        let scenarios = library.catalogue.scenarios();
        let table = table(&library);
        assert!(
            table.starts_with("packet-loss\n  packet-loss-2           30s + 1m + 1m      one node loses 2%"),
            "{table}"
        );
        for list in &library.playlists {
            assert!(table.contains(&format!("\n  {} ", list.name)), "{}", list.name);
        }
        for scenario in scenarios {
            assert!(table.contains(&format!("\n  {} ", scenario.name)), "{}", scenario.name);
        }
    }

    #[test]
    fn the_playlist_on_the_page_is_valid() {
        let text = PLAYLISTS.split("```").nth(1).unwrap().trim_start_matches("yaml");
        let source =
            crate::catalogue::source_files::Source { name: "page".to_owned(), text: text.to_owned() };
        let list =
            crate::catalogue::playlist::playlist(&source, &Library::load(None).unwrap().catalogue).unwrap();
        assert_eq!(list.entries.len(), 5);
    }

    #[test]
    fn the_json_holds_phases_faults_and_playlists() {
        let library = Library::load(None).unwrap();
        let scenarios = library.catalogue.scenarios();
        let list: Value = serde_json::from_str(&as_json(&library)).unwrap();
        assert_eq!(list["scenarios"].as_array().unwrap().len(), scenarios.len());
        let ten = list["scenarios"]
            .as_array()
            .unwrap()
            .iter()
            .find(|entry| entry["name"] == "packet-loss-10")
            .unwrap();
        let lists = list["playlists"].as_array().unwrap();
        let smoke = lists.iter().find(|entry| entry["name"] == "smoke").unwrap();
        assert_eq!(smoke["length_seconds"], 120.0);
        assert_eq!(smoke["scenarios"][0], "packet-loss-10");
        assert_eq!(ten["phases"]["testing_seconds"], 60.0);
        assert_eq!(ten["faults"][0]["params"]["loss_rate"], 0.1);
        assert_eq!(ten["faults"][0]["target"], json!(["memcached1"]));
    }
}
