//! Names are unique: no two scenarios, aliases, families or playlists share one. Pure.

use std::collections::BTreeMap;

use daemon_core::problems::{Problem, Problems};

use crate::scenario::{Scenario, SourceLine};

/// Each name that is used twice, at the line of its second use. A playlist is given as its name and line.
pub(crate) fn check_names<'a>(
    scenarios: &[Scenario],
    playlists: impl IntoIterator<Item = (&'a str, &'a SourceLine)>,
) -> Problems {
    let mut problems = Problems::default();
    let mut report = |source: &SourceLine, message: String| {
        problems.0.push(Problem { file: source.file.clone(), line: source.line, message });
    };
    let families: BTreeMap<&str, &SourceLine> =
        scenarios.iter().rev().map(|scenario| (scenario.family.as_str(), &scenario.source)).collect();
    let mut taken: BTreeMap<&str, &Scenario> = BTreeMap::new();
    for scenario in scenarios {
        for word in scenario.words() {
            let what = if word == scenario.name { "scenario" } else { "alias" };
            if let Some(family) = families.get(word) {
                report(
                    &scenario.source,
                    format!("{what} `{word}` has the same name as a family, see {}", family.file),
                );
            }
            if let Some(other) = taken.insert(word, scenario) {
                let whose = if other.name == word { "is also in" } else { "is an alias of" };
                let other =
                    if other.name == word { format!("family {}", other.family) } else { other.name.clone() };
                report(&scenario.source, format!("{what} `{word}` {whose} {other}"));
            }
        }
    }
    for (word, source) in playlists {
        let other = match (taken.get(word), families.get(word)) {
            (Some(scenario), _) => format!("scenario {}", scenario.name),
            (None, Some(_)) => "a family".to_owned(),
            (None, None) => continue,
        };
        report(source, format!("playlist `{word}` has the same name as {other}"));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;
    use crate::catalogue::scenarios;
    use crate::catalogue::source_files::Source;

    fn source(text: &str) -> Source {
        Source { name: "mine.yaml".to_owned(), text: text.to_owned() }
    }

    fn family(family: &str, name: &str, aliases: &str) -> String {
        format!(
            "family: {family}\nphases: {{ stabilization: 1s, testing: 1s, recovery: 1s }}\nscenarios:\n  \
             - name: {name}\n    aliases: [{aliases}]\n    about: x\n    \
             faults: [{{ target: all, fault: down }}]\n"
        )
    }

    fn wrong(family: &str) -> String {
        Library::with_files(&[source(family)], &[]).expect_err("is wrong").to_string()
    }

    #[test]
    fn a_name_that_is_used_twice_is_refused_at_its_line() {
        assert_eq!(
            wrong(&family("own", "latency", "")),
            "mine.yaml:4: scenario `latency` has the same name as a family, see config/scenarios/latency.yaml (built in)"
        );
        assert_eq!(
            wrong(&family("own", "mine", "packet-loss-10-pct")),
            "mine.yaml:4: alias `packet-loss-10-pct` is an alias of packet-loss-10"
        );
        assert_eq!(
            wrong(&family("own", "mine", "latency-1s")),
            "mine.yaml:4: alias `latency-1s` is also in family latency"
        );
        assert_eq!(
            wrong(&family("own", "mine", "mine")),
            "mine.yaml:4: scenario `mine` is also in family own"
        );
        let list = source("playlist: latency-1s\nabout: x\nentries: [blip]\n");
        assert_eq!(
            Library::with_files(&[], &[list]).expect_err("is wrong").to_string(),
            "mine.yaml:1: playlist `latency-1s` has the same name as scenario latency-1s"
        );
    }

    #[test]
    fn a_scenario_with_the_name_of_a_shipped_one_replaces_it() {
        let library = Library::with_files(&[source(&family("latency", "latency-1s", ""))], &[]).unwrap();
        let count = Library::load(None).unwrap().catalogue.scenarios().len();
        assert_eq!(library.catalogue.scenarios().len(), count);
    }

    #[test]
    fn the_shipped_names_are_unique() {
        let shipped = scenarios(&crate::catalogue::built_in()).unwrap();
        assert_eq!(check_names(&shipped, []), Problems::default());
    }
}
