//! The catalogue: scenarios as data. They are compiled in, and a user's folder can add or replace some. All of them are
//! checked, except for the nodes of a lab, which `scenario::target` checks.

use daemon_core::problems::Problems;
use daemon_core::yaml::Document;

use crate::catalogue::source_files::Source;
use crate::scenario::Scenario;

pub(crate) mod checked;
mod error;
pub(crate) mod library;
pub(crate) mod names;
pub(crate) mod playlist;
mod raw;
pub(crate) mod selection;
pub(crate) mod source_files;
pub(crate) mod suggest;

pub(crate) use error::CatalogueError;

/// `config/scenarios`, in the order of lists and runs.
const BUILT_IN: &[(&str, &str)] = &[
    ("config/scenarios/packet-loss.yaml", include_str!("../../../config/scenarios/packet-loss.yaml")),
    ("config/scenarios/latency.yaml", include_str!("../../../config/scenarios/latency.yaml")),
    ("config/scenarios/blip.yaml", include_str!("../../../config/scenarios/blip.yaml")),
    ("config/scenarios/bandwidth.yaml", include_str!("../../../config/scenarios/bandwidth.yaml")),
    ("config/scenarios/connection.yaml", include_str!("../../../config/scenarios/connection.yaml")),
    ("config/scenarios/flaky.yaml", include_str!("../../../config/scenarios/flaky.yaml")),
    ("config/scenarios/partition.yaml", include_str!("../../../config/scenarios/partition.yaml")),
    ("config/scenarios/multi.yaml", include_str!("../../../config/scenarios/multi.yaml")),
];

/// All scenarios, in run order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Catalogue {
    scenarios: Vec<Scenario>,
}

impl Catalogue {
    /// The scenarios of these files.
    pub(crate) fn from_sources(sources: &[Source]) -> Result<Catalogue, Problems> {
        Ok(Catalogue { scenarios: scenarios(sources)? })
    }

    /// Adds a scenario, or replaces the one with its name.
    pub(crate) fn add(&mut self, scenario: Scenario) {
        if let Some(old) = self.scenarios.iter_mut().find(|old| old.name == scenario.name) {
            *old = scenario;
            return;
        }
        // After the last scenario of its family, so that the family stays together.
        let behind = self.scenarios.iter().rposition(|other| other.family == scenario.family);
        self.scenarios.insert(behind.map_or(self.scenarios.len(), |last| last + 1), scenario);
    }

    /// The scenarios for which `keep` is true.
    pub(crate) fn filtered(&self, keep: impl Fn(&Scenario) -> bool) -> Catalogue {
        Catalogue { scenarios: self.scenarios.iter().filter(|scenario| keep(scenario)).cloned().collect() }
    }

    pub(crate) fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// Each family once, in run order.
    pub(crate) fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = Vec::new();
        for scenario in &self.scenarios {
            if !families.contains(&scenario.family.as_str()) {
                families.push(&scenario.family);
            }
        }
        families
    }
}

/// The compiled-in files.
pub(crate) fn built_in() -> Vec<Source> {
    let source =
        |&(name, text): &(&str, &str)| Source { name: format!("{name} (built in)"), text: text.to_owned() };
    BUILT_IN.iter().map(source).collect()
}

/// The scenarios of the files of one catalogue, or the problems of all these files.
pub(crate) fn scenarios(sources: &[Source]) -> Result<Vec<Scenario>, Problems> {
    let mut problems = Problems::default();
    let mut scenarios: Vec<Scenario> = Vec::new();
    for source in sources {
        match scenarios_of(source) {
            Err(found) => problems.extend(found),
            Ok(more) => scenarios.extend(more),
        }
    }
    problems.extend(names::check_names(&scenarios, []));
    problems.or(scenarios)
}

/// The scenarios of one file.
fn scenarios_of(source: &Source) -> Result<Vec<Scenario>, Problems> {
    let document = Document::parse(source.name.as_str(), source.text.as_str())?;
    let family = document.decode::<raw::Family>()?;
    checked::scenarios(&family, &document)
}

#[cfg(test)]
mod tests;
