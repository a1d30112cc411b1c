//! What a command is to run, all of it checked: runs, loops, settings. Nothing is started here.

use std::time::Duration;

use crate::catalogue::playlist::PlaylistEntry;
use crate::injector::Foreign;
use crate::plan::Plan;
use crate::plan::schedule::Loops;
use crate::prometheus::Prometheus;
use crate::scenario::Scenario;
use crate::settings::Settings;
use crate::state::StateDir;

/// The runs of a command and what they need.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) entries: Vec<PlaylistEntry>,
    pub(crate) loops: Loops,
    /// For entries without one of their own.
    pub(crate) seed: u64,
    /// What is worth saying before the first run.
    pub(crate) note: Option<String>,
    pub(crate) linger: Duration,
    pub(crate) settings: Settings,
    pub(crate) state: StateDir,
    pub(crate) foreign: Foreign,
    /// Where the verdict is read from. Without it, phases are walked and nothing is judged.
    pub(crate) prometheus: Option<Prometheus>,
}

impl Order {
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &Scenario> {
        self.entries.iter().map(|entry| &entry.scenario)
    }

    /// The plan of an entry in the run of this number, from 1.
    pub(crate) fn plan(&self, entry: &PlaylistEntry, number: u64) -> Plan {
        let seed = entry.seed.unwrap_or_else(|| self.seed.wrapping_add(number - 1));
        Plan::new(&entry.scenario, &self.settings.names(), entry.scale, seed)
    }

    /// The runs of the first walk of the list, in order.
    pub(crate) fn first_walk(&self) -> impl Iterator<Item = (&Scenario, Plan)> {
        (1..).zip(&self.entries).map(|(number, entry)| (&entry.scenario, self.plan(entry, number)))
    }
}
