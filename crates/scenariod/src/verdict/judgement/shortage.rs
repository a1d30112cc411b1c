//! What the lab's own processes lacked during a phase: for each part a share of the time, its mean and its worst moment. Pure:
//! samples are arguments. What a shortage excuses is decided in `machine`.

use std::collections::BTreeMap;

use metrics_core::families::machine::Part;
use serde::Serialize;

use crate::prometheus::Series;
use crate::scenario::Window;

/// A process that uses less than this share of its CPUs is not at its limit.
const CPU_LIMIT: f64 = 0.8;
/// The time over which Prometheus computes each sample, and its name.
pub(crate) const SAMPLE_WINDOW: &str = "5s";
/// From these shares on, the progress line warns: of the time in which operations stood still, and in which loadgen waited.
const NOTICEABLE_STALL: f64 = 0.05;
const NOTICEABLE_WAIT: f64 = 0.5;
/// A smaller share is not worth a word.
const NAMED: f64 = 0.005;

/// Shares of one part, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) mean: f64,
    pub(crate) worst: f64,
}

/// The samples of a whole run.
#[derive(Clone, Debug, Default)]
pub(crate) struct MachineSamples {
    /// By part: times and shares.
    parts: Vec<(Part, Vec<(f64, f64)>)>,
    /// Nodes that restarted during the run.
    restarted: Vec<String>,
    /// Whether each worker waits for its last operation before it starts the next one.
    closed_loop: bool,
}

/// What was lacking during one phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shortage {
    parts: Vec<(Part, Share)>,
    restarted: Vec<String>,
    closed_loop: bool,
}

impl MachineSamples {
    /// From the series by `part`, and the samples of the uptime by `server`.
    pub(crate) fn new(shares: &[Series], uptimes: &[Series], target_rate: &[Series]) -> MachineSamples {
        let is_zero = |series: &Series| series.points.last().is_some_and(|(_, rate)| *rate == 0.0);
        let of = |part: Part| {
            let series = shares.iter().find(|series| series.label("part") == part.as_str())?;
            let points = series.points.iter().copied().filter(|(_, share)| share.is_finite());
            Some((part, points.collect::<Vec<_>>()))
        };
        let restarted = |series: &&Series| series.points.windows(2).any(|two| two[1].1 < two[0].1);
        MachineSamples {
            parts: Part::ALL.into_iter().filter_map(of).collect(),
            restarted: uptimes
                .iter()
                .filter(restarted)
                .map(|series| series.label("server").to_owned())
                .collect(),
            closed_loop: target_rate.iter().any(is_zero),
        }
    }

    /// The shortage of a phase. A sample covers some time before it, so the first ones count only for their own part of it: the
    /// mean leaves them out if later ones exist.
    pub(crate) fn during(&self, phase: Window, lookback: f64) -> Shortage {
        let of = |(part, points): &(Part, Vec<(f64, f64)>)| {
            let inside: Vec<(f64, f64)> = points
                .iter()
                .copied()
                .filter(|(at, _)| *at > phase.start && *at <= phase.end + 1.0)
                .collect();
            let settled: Vec<f64> = inside
                .iter()
                .filter(|(at, _)| *at >= phase.start + lookback)
                .map(|(_, share)| *share)
                .collect();
            let all: Vec<f64> = inside.iter().map(|(_, share)| *share).collect();
            let base = if settled.is_empty() { &all } else { &settled };
            (!base.is_empty()).then(|| {
                let mean = base.iter().sum::<f64>() / base.len() as f64;
                (*part, Share { mean, worst: all.iter().copied().fold(0.0, f64::max) })
            })
        };
        Shortage {
            parts: self.parts.iter().filter_map(of).collect(),
            restarted: self.restarted.clone(),
            closed_loop: self.closed_loop,
        }
    }
}

/// What a part does to operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// They stand still, in loadgen.
    StallsLoad,
    /// They stand still, on their way or at their node.
    StallsWay,
    /// They are slower, each by a few milliseconds.
    Slows,
    /// Phases and readings are later. No operation is.
    DelaysRun,
    /// It explains others.
    Explains,
}

fn effect(part: Part) -> Effect {
    match part {
        Part::LoadgenStalled => Effect::StallsLoad,
        Part::ProxySlow | Part::NodeSlow | Part::ToxiproxyCpu | Part::NodeCpu => Effect::StallsWay,
        Part::LoadgenWaits => Effect::Slows,
        Part::ScenariodWaits => Effect::DelaysRun,
        Part::Pressure | Part::Steal => Effect::Explains,
    }
}

/// The share that counts: a process below its CPU limit lacks nothing.
fn counted(part: Part, share: f64) -> f64 {
    match part {
        Part::ToxiproxyCpu | Part::NodeCpu if share < CPU_LIMIT => 0.0,
        _ => share,
    }
}

impl Shortage {
    /// From the series by `part` of one moment.
    pub(crate) fn now(shares: &[Series]) -> Shortage {
        let share =
            |points: &[(f64, f64)]| points.last().map(|(_, share)| Share { mean: *share, worst: *share });
        let samples = MachineSamples::new(shares, &[], &[]);
        let parts = samples.parts.iter().filter_map(|(part, points)| Some((*part, share(points)?)));
        Shortage { parts: parts.collect(), ..Shortage::default() }
    }

    /// The node that restarted, if one did.
    pub(super) fn restarted(&self) -> Option<&str> {
        self.restarted.first().map(String::as_str)
    }

    /// The share of the time in which operations stood still, over the phase.
    pub(super) fn stalled(&self) -> f64 {
        self.stall(|share| share.mean)
    }

    /// The share of the worst 5 s in which operations stood still.
    pub(super) fn worst_stall(&self) -> f64 {
        self.stall(|share| share.worst)
    }

    /// The mean share of the time in which operations stood still or were slower.
    pub(super) fn slowed(&self) -> f64 {
        self.stalled().max(self.largest(Effect::Slows, |share| share.mean))
    }

    /// The mean share by which something takes longer: an operation, a phase, a reading.
    pub(super) fn delay(&self) -> f64 {
        self.slowed().max(self.largest(Effect::DelaysRun, |share| share.mean))
    }

    /// The share by which fewer operations start. In an open loop they start on schedule, however slow others are.
    pub(super) fn missing_starts(&self) -> f64 {
        if self.closed_loop { self.slowed() } else { self.stalled() }
    }

    /// An operation stands still in loadgen, and then on its way.
    fn stall(&self, of: fn(Share) -> f64) -> f64 {
        (self.largest(Effect::StallsLoad, of) + self.largest(Effect::StallsWay, of)).min(1.0)
    }

    fn largest(&self, wanted: Effect, of: fn(Share) -> f64) -> f64 {
        let parts = self.parts.iter().filter(|(part, _)| effect(*part) == wanted);
        parts.map(|(part, share)| counted(*part, of(*share))).fold(0.0, f64::max)
    }

    /// What was lacking, in words. `None` if nothing was. `phase` is `testing` or `the run`.
    pub(crate) fn describe(&self, phase: &str) -> Option<String> {
        if let Some(node) = self.restarted() {
            return Some(format!("{node} restarted during the run"));
        }
        let named = |cause: bool| {
            self.parts.iter().filter(move |(part, share)| {
                (effect(*part) != Effect::Explains) == cause && counted(*part, share.worst) >= NAMED
            })
        };
        let causes = named(true).map(|(part, share)| {
            let (mean, worst) = (percent(share.mean), percent(share.worst));
            format!("{} of {phase}, at most {worst} within {SAMPLE_WINDOW}", words(*part, &mean))
        });
        let causes: Vec<String> = causes.collect();
        if causes.is_empty() {
            return None;
        }
        let mut text = causes.join("; ");
        let explanations: Vec<String> =
            named(false).map(|(part, share)| words(*part, &percent(share.mean))).collect();
        if !explanations.is_empty() {
            text.push_str(&format!(" ({})", explanations.join(", ")));
        }
        Some(text)
    }

    /// What is lacking now, for the progress line, if it can change a verdict.
    pub(crate) fn warning(&self) -> Option<String> {
        let limit = |part| match effect(part) {
            Effect::StallsLoad | Effect::StallsWay => NOTICEABLE_STALL,
            Effect::Slows => NOTICEABLE_WAIT,
            Effect::DelaysRun | Effect::Explains => f64::INFINITY,
        };
        let noticed = self.parts.iter().filter(|(part, share)| counted(*part, share.worst) >= limit(*part));
        let (part, share) = noticed.max_by(|one, other| one.1.worst.total_cmp(&other.1.worst))?;
        Some(words(*part, &percent(share.worst)))
    }

    /// By part, for the report.
    pub(crate) fn figures(&self) -> BTreeMap<&'static str, Share> {
        let rounded = |share: f64| (share * 1e4).round() / 1e4;
        let of = |(part, share): &(Part, Share)| {
            (part.as_str(), Share { mean: rounded(share.mean), worst: rounded(share.worst) })
        };
        self.parts.iter().map(of).collect()
    }

    #[cfg(test)]
    pub(super) fn of(parts: &[(Part, f64)]) -> Shortage {
        let parts =
            parts.iter().map(|(part, share)| (*part, Share { mean: *share, worst: *share })).collect();
        Shortage { parts, ..Shortage::default() }
    }
}

/// Whole percents: the figures are not more exact than that.
fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn words(part: Part, share: &str) -> String {
    match part {
        Part::LoadgenWaits => format!("loadgen waited for a CPU for {share}"),
        Part::LoadgenStalled => format!("loadgen stood still for {share}"),
        Part::ScenariodWaits => format!("scenariod waited for a CPU for {share}"),
        Part::ProxySlow => format!("the proxies of nodes without a fault stood still for {share}"),
        Part::NodeSlow => format!("nodes stood still for {share}"),
        Part::ToxiproxyCpu => format!("toxiproxy used its CPUs for {share}"),
        Part::NodeCpu => format!("a node used its CPUs for {share}"),
        Part::Pressure => format!("CPU pressure of the host {share}"),
        Part::Steal => format!("CPU time taken by the hypervisor {share}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(label: &str, value: &str, points: &[(f64, f64)]) -> Series {
        Series { labels: [(label.to_owned(), value.to_owned())].into(), points: points.to_vec() }
    }

    #[test]
    fn samples_that_look_back_before_the_phase_are_not_in_its_mean() {
        let points: Vec<(f64, f64)> =
            (0..20).map(|at| (f64::from(at), if at < 12 { 0.5 } else { 0.1 })).collect();
        let samples = MachineSamples::new(&[series("part", "loadgen_waits", &points)], &[], &[]);
        let shortage = samples.during(Window { start: 10.0, end: 19.0 }, 5.0);
        assert!(
            (shortage.slowed() - 0.1).abs() < 1e-9 && shortage.figures()["loadgen_waits"].worst == 0.5,
            "{shortage:?}"
        );
        assert_eq!(samples.during(Window { start: 30.0, end: 40.0 }, 5.0), Shortage::default());
    }

    #[test]
    fn every_part_that_lacked_is_named_with_its_explanation() {
        let shortage = Shortage::of(&[
            (Part::LoadgenWaits, 0.31),
            (Part::ToxiproxyCpu, 0.5),
            (Part::Pressure, 0.8),
            (Part::Steal, 0.001),
        ]);
        assert_eq!(
            shortage.describe("testing").unwrap(),
            "loadgen waited for a CPU for 31% of testing, at most 31% within 5s (CPU pressure of the host 80%)"
        );
        let saturated = Shortage::of(&[(Part::ToxiproxyCpu, 0.9), (Part::LoadgenStalled, 0.02)]);
        assert_eq!(
            saturated.describe("the run").unwrap(),
            "toxiproxy used its CPUs for 90% of the run, at most 90% within 5s; \
             loadgen stood still for 2% of the run, at most 2% within 5s"
        );
        assert_eq!(saturated.warning().unwrap(), "toxiproxy used its CPUs for 90%");
        assert_eq!(shortage.warning(), None);
        // A busy neighbour that takes nothing from the lab excuses nothing.
        let neighbour =
            Shortage::of(&[(Part::Pressure, 1.0), (Part::Steal, 0.5), (Part::ToxiproxyCpu, 0.79)]);
        assert_eq!(
            (neighbour.delay(), neighbour.describe("testing"), neighbour.warning()),
            (0.0, None, None)
        );
    }

    #[test]
    fn waits_slow_operations_and_stalls_stop_them() {
        let waits = Shortage::of(&[(Part::LoadgenWaits, 0.4)]);
        assert_eq!((waits.stalled(), waits.slowed(), waits.delay()), (0.0, 0.4, 0.4));
        let scenariod = Shortage::of(&[(Part::ScenariodWaits, 0.4)]);
        assert_eq!((scenariod.slowed(), scenariod.delay()), (0.0, 0.4));
        let both =
            Shortage::of(&[(Part::LoadgenStalled, 0.1), (Part::ProxySlow, 0.2), (Part::NodeSlow, 0.15)]);
        assert!((both.stalled() - 0.3).abs() < 1e-9, "{both:?}");
    }

    #[test]
    fn an_uptime_that_decreases_is_a_restart() {
        let uptimes = [
            series("server", "a", &[(1.0, 5.0), (2.0, 6.0)]),
            series("server", "b", &[(1.0, 5.0), (2.0, 0.0)]),
        ];
        let shortage = MachineSamples::new(&[], &uptimes, &[]).during(Window { start: 0.0, end: 9.0 }, 5.0);
        assert_eq!(shortage.describe("testing").unwrap(), "b restarted during the run");
    }
}
