//! The catalogue as a table. Pure.

use std::fmt::Write;

use crate::catalogue::library::Library;
use crate::catalogue::playlist::Playlist;
use crate::scenario::Scenario;
use crate::text::format_duration;

/// A table with one block per family.
pub(crate) fn table(library: &Library) -> String {
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

/// The lengths of stabilization, testing and recovery.
pub(crate) fn format_phases(scenario: &Scenario) -> String {
    let phases = &scenario.phases;
    [phases.stabilization, phases.testing, phases.recovery].map(format_duration).join(" + ")
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
}
