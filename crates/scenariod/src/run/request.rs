//! What a command has to run, already checked: the list of runs, loops, settings. Nothing is started here.

use std::time::Duration;

use crate::catalogue::playlist::PlaylistEntry;
use crate::injector::ForeignToxics;
use crate::plan::Plan;
use crate::plan::lengths::Pace;
use crate::plan::schedule::Loops;
use crate::prometheus::Prometheus;
use crate::scenario::Scenario;
use crate::settings::Settings;
use crate::state::StateDir;

/// The runs of a command and what they need.
#[derive(Debug)]
pub(crate) struct RunRequest {
    pub(crate) entries: Vec<PlaylistEntry>,
    pub(crate) loops: Loops,
    /// How often an inconclusive run is repeated at most.
    pub(crate) retries: u8,
    /// The seed of entries without their own.
    pub(crate) seed: u64,
    /// Printed before the first run.
    pub(crate) note: Option<String>,
    pub(crate) linger: Duration,
    pub(crate) settings: Settings,
    pub(crate) state: StateDir,
    pub(crate) foreign: ForeignToxics,
    /// The source of verdicts. Without it nothing is judged.
    pub(crate) prometheus: Option<Prometheus>,
    /// The interval of the scrapes that runs are judged by. Without one, nothing is judged.
    pub(crate) interval: Option<Duration>,
}

impl RunRequest {
    /// Whether the scrape interval has an effect on the lengths of phases.
    pub(crate) fn needs_interval(&self) -> bool {
        let is_corrected =
            |entry: &PlaylistEntry| entry.scale.shortens() && !entry.scenario.expect.is_empty();
        self.prometheus.is_some() && self.entries.iter().any(is_corrected)
    }

    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.entries.iter().map(|entry| &entry.scenario)
    }

    /// The plan of an entry for the run with this number. Numbers start at 1.
    pub(crate) fn plan(&self, entry: &PlaylistEntry, number: u64) -> Plan {
        let seed = entry.seed.unwrap_or_else(|| self.seed.wrapping_add(number - 1));
        let pace = Pace { scale: entry.scale, interval: self.interval };
        Plan::new(&entry.scenario, &self.settings.names(), pace, seed)
    }

    /// The runs of the first pass over the list, in order.
    pub(crate) fn first_pass(&self) -> impl Iterator<Item = (&Scenario, Plan)> {
        (1..).zip(&self.entries).map(|(number, entry)| (&entry.scenario, self.plan(entry, number)))
    }
}
