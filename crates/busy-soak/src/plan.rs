//! The runs of the soak, in order, and how long they take. Pure.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use testkit::Neighbour;

use crate::options::{Group, Options};

/// Scenarios that have every kind of expectation: each `must`, each subject, shares, amounts, quantiles, states and events.
pub(crate) const SCENARIOS: [&str; 12] = [
    "partition-one",
    "partition-all",
    "node-down",
    "packet-loss-10",
    "packet-loss-100",
    "latency-100ms",
    "latency-1s",
    "stall-and-release",
    "flaky-slow",
    "bandwidth-100kb",
    "connection-reset-storm",
    "two-nodes-slow",
];
/// The length of a run at full length.
const FULL_RUN: Duration = Duration::from_secs(150);
/// The scenario that a client without a breaker must fail.
const BAD_SCENARIO: &str = "partition-one";

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) group: String,
    pub(crate) round: u32,
    pub(crate) scenario: String,
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} round {} {}", self.group, self.round, self.scenario)
    }
}

impl Group {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn neighbour(self) -> Option<Neighbour> {
        match self {
            Group::Quiet | Group::CatalogueQuiet => None,
            Group::Loops4 | Group::NoBreaker | Group::CatalogueLoops4 => Some(Neighbour::Loops(4)),
            Group::Loops2 => Some(Neighbour::Loops(2)),
            Group::Loops8 => Some(Neighbour::Loops(8)),
            Group::Loops16 => Some(Neighbour::Loops(16)),
            Group::Niced => Some(Neighbour::NicedLoops(4)),
            Group::Realtime => Some(Neighbour::RealtimeLoops(1)),
            Group::Disk => Some(Neighbour::DiskWriters(2)),
        }
    }

    fn rounds(self) -> u32 {
        match self {
            Group::Loops4 | Group::NoBreaker => 10,
            Group::Quiet => 3,
            Group::Loops2 | Group::Loops8 | Group::Loops16 | Group::Niced | Group::Realtime | Group::Disk => {
                2
            }
            Group::CatalogueQuiet | Group::CatalogueLoops4 => 1,
        }
    }

    fn scenarios(self, catalogue: &[String]) -> Vec<String> {
        match self {
            Group::CatalogueQuiet | Group::CatalogueLoops4 => catalogue.to_vec(),
            Group::NoBreaker => vec![BAD_SCENARIO.to_owned()],
            _ => SCENARIOS.map(str::to_owned).to_vec(),
        }
    }
}

/// The group of a trial. `None` if this version does not know it.
pub(crate) fn group_of(trial: &Trial) -> Option<Group> {
    Group::value_variants().iter().copied().find(|group| group.name() == trial.group)
}

/// All runs that the options ask for, group by group.
pub(crate) fn trials(options: &Options, catalogue: &[String]) -> Vec<Trial> {
    let wanted = |scenario: &String| options.scenarios.is_empty() || options.scenarios.contains(scenario);
    let mut trials = Vec::new();
    for group in &options.only {
        for round in 1..=group.rounds().min(options.rounds) {
            let scenarios = group.scenarios(catalogue).into_iter().filter(wanted);
            trials.extend(scenarios.map(|scenario| Trial { group: group.name(), round, scenario }));
        }
    }
    trials
}

/// How long these runs take.
pub(crate) fn estimate(trials: &[Trial], time_scale: f64) -> Duration {
    let runs = u32::try_from(trials.len()).unwrap_or(u32::MAX);
    let one = FULL_RUN.mul_f64(time_scale) + Duration::from_secs(6);
    Duration::from_secs(one.saturating_mul(runs).as_secs() / 60 * 60)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn planned(args: &[&str]) -> Vec<Trial> {
        let options = Options::try_parse_from(["x"].iter().chain(args)).unwrap();
        trials(&options, &["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn the_whole_soak_has_the_rounds_of_each_group() {
        let all = planned(&[]);
        let of = |group: &str| all.iter().filter(|trial| trial.group == group).count();
        assert_eq!((of("quiet"), of("loops4"), of("no-breaker"), of("loops16")), (36, 120, 10, 24));
        assert_eq!((of("catalogue-quiet"), of("catalogue-loops4")), (2, 2));
        assert!(all.iter().all(|trial| group_of(trial).is_some()));
    }

    #[test]
    fn a_subset_has_fewer_rounds_and_scenarios() {
        let subset =
            planned(&["--only", "quiet,disk", "--rounds", "1", "--scenarios", "node-down,latency-1s"]);
        assert_eq!(subset.len(), 4);
        assert_eq!(estimate(&subset, 0.25), Duration::from_secs(120));
    }
}
