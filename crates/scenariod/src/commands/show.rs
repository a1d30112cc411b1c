//! `scenariod show NAME`: the strength of each fault over time, drawn in text, and every request to Toxiproxy. Offline. Prose
//! is broken into lines; requests and queries stay whole, so that they can be copied.

mod requests;
mod timeline;

use std::fmt::Write;

use daemon_core::exit::Failure;

use super::context::{load_lab, load_library};
use super::runnable::check_runnable;
use crate::catalogue::playlist::{Playlist, PlaylistEntry};
use crate::catalogue::selection::{self, Selection};
use crate::cli::args::ShowArgs;
use crate::plan::Plan;
use crate::plan::TimeScale;
use crate::scenario::Scenario;
use crate::settings::Settings;
use crate::text::format_duration;
use crate::text::wrap::wrapped;

/// What `show` prints.
pub(crate) fn show(args: &ShowArgs) -> Result<String, Failure> {
    let words = || selection::split_words([args.name.as_str()]);
    let mut library = load_library(&args.catalogue)?;
    library.open_playlists(words())?;
    let names = Settings::new(&load_lab(&args.lab)?, None, None)?.names();
    let mut text = Vec::new();
    for selected in selection::select(&library, words())? {
        match selected {
            Selection::Playlist(list) => text.push(playlist(list)),
            Selection::Scenarios(scenarios) => {
                for scenario in scenarios {
                    check_runnable(std::iter::once(scenario), &names)?;
                    let plan = Plan::new(scenario, &names, TimeScale::default(), 0);
                    text.push(scenario_text(scenario, &plan));
                }
            }
        }
    }
    Ok(text.join("\n"))
}

/// A scenario with its plan.
fn scenario_text(scenario: &Scenario, plan: &Plan) -> String {
    let mut text =
        format!("{} (family {})\n{}\n", scenario.name, scenario.family, wrapped(&scenario.about, ""));
    if !scenario.aliases.is_empty() {
        let _ = writeln!(text, "{}", wrapped(&format!("also called {}", scenario.aliases.join(", ")), ""));
    }
    let _ = writeln!(text, "\n{}\n", wrapped(&plan.describe(), ""));
    timeline::draw(&mut text, plan);
    text.push('\n');
    requests::requests(&mut text, plan);
    expectations(&mut text, scenario);
    text
}

/// The runs of a playlist in order.
fn playlist(list: &Playlist) -> String {
    let runs = list.entries.len();
    let mut text = format!(
        "{} (playlist, {} in all)\n{}\n\n",
        list.name,
        format_duration(list.length()),
        wrapped(&list.about, "")
    );
    let width = list.entries.iter().map(|entry| entry.scenario.name.len()).max().unwrap_or_default();
    let phases = |entry: &PlaylistEntry| {
        let phases = entry.phases();
        [phases.stabilization, phases.testing, phases.recovery].map(format_duration).join(" + ")
    };
    let phases: Vec<String> = list.entries.iter().map(phases).collect();
    let phases_width = phases.iter().map(String::len).max().unwrap_or_default();
    for (index, (entry, phases)) in list.entries.iter().zip(&phases).enumerate() {
        let count = format!("{}/{runs}", index + 1);
        let _ = write!(text, "{count:>7}  {:width$}  {phases:phases_width$}", entry.scenario.name);
        let mut faults: Vec<String> = entry.scenario.faults.iter().map(|one| one.fault.describe()).collect();
        faults.dedup();
        let _ = write!(text, "  {}", faults.join(", "));
        if let Some(seed) = entry.seed {
            let _ = write!(text, ", seed {seed}");
        }
        if !entry.pause.is_zero() && index + 1 < runs {
            let _ = write!(text, ", then a pause of {}", format_duration(entry.pause));
        }
        text.push('\n');
    }
    text
}

/// The queries that a verdict is made of.
fn expectations(text: &mut String, scenario: &Scenario) {
    text.push_str("\nexpectations\n");
    if scenario.expect.is_empty() {
        text.push_str("  none: its runs are not judged\n");
    }
    for expectation in &scenario.expect {
        let (name, phase) = (&expectation.name, expectation.during.as_str());
        let _ = writeln!(text, "  {name}: {phase}, {}", expectation.must.describe());
        let _ = writeln!(text, "    {}", expectation.query.template());
    }
    for rule in &scenario.stop_when {
        let _ = writeln!(text, "  stopped early when {} for {}", rule.name, format_duration(rule.lasting));
        let _ = writeln!(text, "    {}", rule.query.template());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;
    use crate::plan::TimeScale;
    use crate::text::wrap::COLUMNS;

    fn shown(name: &str) -> String {
        let catalogue = Library::load(None).unwrap().catalogue;
        let scenario = catalogue.scenarios().iter().find(|scenario| scenario.name == name).unwrap();
        let servers: Vec<String> = (1..=3).map(|n| format!("memcached{n}")).collect();
        scenario_text(scenario, &Plan::new(scenario, &servers, TimeScale::default(), 0))
    }

    #[test]
    fn a_scenario_is_drawn_with_its_requests() {
        // The order of the two keys depends on the JSON library.
        let shown = shown("node-down").replace(r#"{"jitter":0,"latency":0}"#, r#"{"latency":0,"jitter":0}"#);
        let (drawn, expectations) = shown.split_once("\nexpectations\n").unwrap();
        let breaker =
            "  the breaker opens and stays open: testing, within 3s\n    memcache_circuit_breaker_state{";
        assert!(expectations.contains(breaker), "{expectations}");
        assert_eq!(
            drawn,
            "node-down (family partition)\n\
             one node refuses connections; the fastest of all failures, and the breaker must open\n\n\
             down on memcached1\n\n\
             memcached1  ............########################........................  down\n            \
             |           |                       |                       |\n            \
             stabilization 30s, testing 1m, recovery 1m\n\n\
             0s into testing\n  \
             POST /proxies/memcached1/toxics {\"name\":\"rl.RUN.0.DEADLINE\",\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":0.0,\"attributes\":{\"latency\":0,\"jitter\":0}}\n  \
             POST /proxies/memcached1 {\"enabled\":false}\n\
             at the end of testing\n  \
             POST /proxies/memcached1 {\"enabled\":true}\n  \
             DELETE /proxies/memcached1/toxics/rl.RUN.0.DEADLINE\n"
        );
    }

    #[test]
    fn shapes_show_in_the_drawing() {
        let ramp = shown("latency-ramp");
        assert!(ramp.contains("............111122233444556677788###...."), "{ramp}");
        let rolling = shown("rolling-failure");
        assert!(rolling.contains("memcached2  ....................########........"), "{rolling}");
        let blip = shown("blip-100ms");
        assert!(blip.contains("100ms into testing\n  DELETE "), "{blip}");
        let loss = shown("packet-loss-10");
        assert_eq!(loss.matches("  POST ").count(), 12, "{loss}");
    }

    #[test]
    fn every_scenario_can_be_shown_and_ends_with_nothing_on() {
        for scenario in Library::load(None).unwrap().catalogue.scenarios() {
            let text = shown(&scenario.name);
            let (on, off) = (text.matches("/toxics {").count(), text.matches("  DELETE ").count());
            assert!(on > 0 && on >= off, "{text}");
            assert!(on == off || text.contains("and so on\n"), "{text}");
            let prose = text.lines().filter(|line| !line.starts_with("  "));
            prose.for_each(|line| assert!(line.chars().count() <= usize::from(COLUMNS), "{line}"));
            assert_eq!(text.contains("\"latency\":-"), text.contains("a negative latency: "), "{text}");
        }
    }
}
