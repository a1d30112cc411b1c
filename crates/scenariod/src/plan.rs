//! The plan of one run: a scenario with chosen nodes and scaled phases. Pure: time and seed are arguments.

pub(crate) mod lengths;
pub(crate) mod reconcile;
pub(crate) mod schedule;
mod time_scale;

use std::collections::BTreeSet;
use std::time::Duration;

use daemon_core::values::Fraction;

use crate::fault::Direction;
use crate::fault::toxic::Toxic;
use crate::plan::lengths::{Pace, PhaseLengths};
use crate::scenario::Phases;
use crate::scenario::timeline::Course;
use crate::scenario::{FaultEntry, Scenario, Target};
use crate::text::format_share;
pub(crate) use time_scale::TimeScale;

/// How long after its planned end a fault counts as forgotten, at time scale 1.
const MARGIN: Duration = Duration::from_secs(15);
/// Lower bound of the margin: a removal takes a few calls, even after short phases.
const LEAST_MARGIN: Duration = Duration::from_secs(2);

/// The plan of one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) scenario: String,
    pub(crate) phases: Phases,
    /// How the phases came by their lengths.
    pub(crate) lengths: PhaseLengths,
    /// The time from the planned end of a fault to the end of its lease.
    pub(crate) margin: Duration,
    pub(crate) faults: Vec<PlannedFault>,
}

/// A fault on one node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PlannedFault {
    pub(crate) server: String,
    pub(crate) course: Course,
    pub(crate) direction: Direction,
    pub(crate) share: Fraction,
}

/// The toxics that one fault should have at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DesiredToxics {
    /// Position in `Plan::faults`.
    pub(crate) fault: usize,
    pub(crate) server: String,
    /// In the order in which they are added; empty while the fault is off.
    pub(crate) toxics: Vec<Toxic>,
}

impl Plan {
    /// `servers` are the nodes of the lab. The caller has checked that the targets of the scenario are among them.
    pub(crate) fn new(scenario: &Scenario, servers: &[String], pace: impl Into<Pace>, seed: u64) -> Plan {
        let pace: Pace = pace.into();
        let lengths = PhaseLengths::new(scenario, pace);
        // Where testing is longer than scaled, its shapes are longer too, so that they fill the same part of it.
        let stretch = lengths.planned.testing.div_duration_f64(lengths.scaled.testing);
        let stretch = if stretch.is_finite() { stretch.max(1.0) } else { 1.0 };
        let shape_length = |length| pace.scale.of(length).mul_f64(stretch);
        let mut rng = fastrand::Rng::with_seed(seed);
        let plan_entry = |entry: &FaultEntry| {
            let on = |server: String| PlannedFault {
                server,
                course: Course { fault: entry.fault, shape: entry.shape.scaled(shape_length) },
                direction: entry.direction,
                share: entry.share,
            };
            pick_nodes(&entry.target, servers, &mut rng).into_iter().map(on).collect::<Vec<_>>()
        };
        Plan {
            scenario: scenario.name.clone(),
            phases: lengths.planned,
            lengths,
            margin: pace.scale.of(MARGIN).max(LEAST_MARGIN),
            faults: scenario.faults.iter().flat_map(plan_entry).collect(),
        }
    }

    /// The toxics that each fault should have at `elapsed` in testing.
    pub(crate) fn desired_toxics(&self, elapsed: Duration) -> Vec<DesiredToxics> {
        let one = |(fault, planned): (usize, &PlannedFault)| {
            let at = planned.course.at(elapsed, self.phases.testing);
            let toxics = at.map(|at| at.toxics(planned.direction, planned.share)).unwrap_or_default();
            DesiredToxics { fault, server: planned.server.clone(), toxics }
        };
        self.faults.iter().enumerate().map(one).collect()
    }

    /// The number of faults that are on at `elapsed` in testing.
    pub(crate) fn faults_on(&self, elapsed: Duration) -> usize {
        self.desired_toxics(elapsed).iter().filter(|desired| !desired.toxics.is_empty()).count()
    }

    /// The time of the next change before the end of testing.
    pub(crate) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let next = |planned: &PlannedFault| planned.course.next_change(elapsed, self.phases.testing);
        self.faults.iter().filter_map(next).min()
    }

    /// The nodes with a fault in this run.
    pub(crate) fn targets(&self) -> BTreeSet<String> {
        self.faults.iter().map(|planned| planned.server.clone()).collect()
    }

    /// The faults and their nodes, in words.
    pub(crate) fn describe(&self) -> String {
        let one = |planned: &PlannedFault| {
            let share = match planned.share.get() {
                share if share < 1.0 => format!(" on {} of the connections", format_share(share)),
                _ => String::new(),
            };
            let way = match planned.direction {
                Direction::Replies => "",
                Direction::Requests => " (requests)",
                Direction::Both => " (both ways)",
            };
            let fault = planned.course.fault.describe();
            format!("{fault}{way}{share} on {}{}", planned.server, planned.course.shape.describe())
        };
        self.faults.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

/// The nodes of a target, in the order of the lab or, for a count, of the seed.
fn pick_nodes(target: &Target, servers: &[String], rng: &mut fastrand::Rng) -> Vec<String> {
    match target {
        Target::Count(count) => {
            let mut shuffled = servers.to_vec();
            rng.shuffle(&mut shuffled);
            shuffled.truncate(count.get());
            shuffled
        }
        Target::All | Target::Named(_) | Target::First(_) | Target::Nth(_) => {
            target.fixed_nodes(servers).unwrap_or_default().to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::fault::Fault;
    use crate::scenario::SourceLine;
    use crate::scenario::timeline::Shape;

    fn scenario(target: Target) -> Scenario {
        let entry = |fault| FaultEntry {
            target: target.clone(),
            fault,
            shape: Shape::Constant,
            direction: Direction::Both,
            share: Fraction::ONE,
            source: SourceLine::default(),
        };
        let second = Duration::from_secs(1);
        Scenario {
            name: "two".into(),
            aliases: Vec::new(),
            family: "tests".into(),
            about: String::new(),
            phases: Phases { stabilization: second * 30, testing: second * 60, recovery: second * 60 },
            faults: vec![
                entry(Fault::from_yaml("{ fault: packet_loss, rate: 0.1 }")),
                entry(Fault::from_yaml("{ fault: latency, delay: 1s }")),
            ],
            expect: Vec::new(),
            stop_when: Vec::new(),
            source: SourceLine::default(),
        }
    }

    fn servers() -> Vec<String> {
        (1..=5).map(|n| format!("memcached{n}")).collect()
    }

    #[test]
    fn the_time_scale_shortens_phases_and_leases() {
        let plan = Plan::new(&scenario(Target::All), &servers(), TimeScale::new(0.1).unwrap(), 0);
        assert_eq!(plan.phases.testing, Duration::from_secs(6));
        assert_eq!(plan.margin, LEAST_MARGIN);
        let plan = Plan::new(&scenario(Target::All), &servers(), TimeScale::default(), 0);
        assert_eq!((plan.phases.stabilization, plan.margin), (Duration::from_secs(30), MARGIN));
        for absurd in [0.0, -1.0, 0.00001, 100.1, f64::MAX, f64::INFINITY, f64::NAN] {
            assert_eq!(TimeScale::new(absurd), None, "{absurd}");
        }
        let hundred = TimeScale::new(100.0).unwrap();
        assert_eq!(hundred.and(TimeScale::new(0.1).unwrap()), TimeScale::new(10.0));
        assert_eq!(hundred.and(hundred), None);
    }

    proptest! {
        /// A count picks that many different nodes, and the same ones for the same seed.
        #[test]
        fn a_count_picks_nodes_by_the_seed(seed in any::<u64>(), count in 1_usize..=5) {
            let target = Target::Count(NonZeroUsize::new(count).unwrap());
            let mut scenario = scenario(target);
            scenario.faults.truncate(1);
            let plan = |seed| Plan::new(&scenario, &servers(), TimeScale::default(), seed);
            prop_assert_eq!(plan(seed).targets().len(), count);
            prop_assert!(plan(seed) == plan(seed));
        }
    }

    #[test]
    fn different_seeds_pick_different_nodes() {
        let mut scenario = scenario(Target::Count(NonZeroUsize::MIN));
        scenario.faults.truncate(1);
        let picked: BTreeSet<String> = (0..50)
            .map(|seed| Plan::new(&scenario, &servers(), TimeScale::default(), seed).faults[0].server.clone())
            .collect();
        assert!(picked.len() > 2, "{picked:?}");
    }
}
