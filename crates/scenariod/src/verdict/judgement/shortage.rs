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
/// A shortage below this share is not worth a word during a run.
const NOTICEABLE: f64 = 0.1;

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
}

/// What was lacking during one phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Shortage {
    parts: Vec<(Part, Share)>,
    restarted: Vec<String>,
}

impl MachineSamples {
    /// From the series by `part`, and the samples of the uptime by `server`.
    pub(crate) fn new(shares: &[Series], uptimes: &[Series]) -> MachineSamples {
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
        Shortage { parts: self.parts.iter().filter_map(of).collect(), restarted: self.restarted.clone() }
    }
}

/// Whether a part only explains others.
fn explains(part: Part) -> bool {
    matches!(part, Part::Pressure | Part::Steal)
}

/// Whether a part delays phases and readings, but no operation.
fn spares_operations(part: Part) -> bool {
    part == Part::ScenariodWaits
}

/// The share that counts: a process below its CPU limit lacks nothing.
fn counted(part: Part, share: f64) -> f64 {
    match part {
        Part::ToxiproxyCpu | Part::NodeCpu if share < CPU_LIMIT => 0.0,
        Part::Pressure | Part::Steal => 0.0,
        _ => share,
    }
}

impl Shortage {
    /// From the series by `part` of one moment.
    pub(crate) fn now(shares: &[Series]) -> Shortage {
        let share =
            |points: &[(f64, f64)]| points.last().map(|(_, share)| Share { mean: *share, worst: *share });
        let samples = MachineSamples::new(shares, &[]);
        let parts = samples.parts.iter().filter_map(|(part, points)| Some((*part, share(points)?)));
        Shortage { parts: parts.collect(), restarted: Vec::new() }
    }

    /// The node that restarted, if one did.
    pub(super) fn restarted(&self) -> Option<&str> {
        self.restarted.first().map(String::as_str)
    }

    /// The largest mean share that operations lacked.
    pub(super) fn mean(&self) -> f64 {
        self.largest(|part, share| if spares_operations(part) { 0.0 } else { share.mean })
    }

    /// The largest share that operations lacked within 5 s.
    pub(super) fn worst(&self) -> f64 {
        self.largest(|part, share| if spares_operations(part) { 0.0 } else { share.worst })
    }

    /// The largest mean share of any part. Phases and readings were later by it.
    pub(super) fn delay(&self) -> f64 {
        self.largest(|_, share| share.mean)
    }

    fn largest(&self, of: impl Fn(Part, Share) -> f64) -> f64 {
        self.parts.iter().map(|(part, share)| counted(*part, of(*part, *share))).fold(0.0, f64::max)
    }

    /// The part that lacked most, in words. `None` if nothing was lacking. `phase` is `testing` or `the run`.
    pub(crate) fn describe(&self, phase: &str) -> Option<String> {
        if let Some(node) = self.restarted() {
            return Some(format!("{node} restarted during the run"));
        }
        let weight = |(part, share): &&(Part, Share)| counted(*part, share.worst);
        let worst = self.parts.iter().max_by(|one, other| weight(one).total_cmp(&weight(other)))?;
        if weight(&worst) == 0.0 {
            return None;
        }
        let (part, share) = *worst;
        let mut text = format!("{} of {phase}", words(part, &percent(share.mean)));
        if matches!(part, Part::ToxiproxyCpu | Part::NodeCpu) {
            text = format!("{} in {phase}", words(part, &percent(share.mean)));
        }
        text.push_str(&format!(", at most {} within {SAMPLE_WINDOW}", percent(share.worst)));
        let why = |part, name: &str| {
            let share = self.parts.iter().find(|(other, share)| *other == part && share.mean >= 0.01)?;
            Some(format!("{name} {}", percent(share.1.mean)))
        };
        let causes = [
            why(Part::Pressure, "CPU pressure of the host"),
            why(Part::Steal, "CPU time stolen by the hypervisor"),
        ];
        let causes: Vec<String> = causes.into_iter().flatten().collect();
        if !causes.is_empty() {
            text.push_str(&format!(" ({})", causes.join(", ")));
        }
        Some(text)
    }

    /// The part that lacks most now, for the progress line, if it lacks enough to change a verdict.
    pub(crate) fn warning(&self) -> Option<String> {
        let (part, share) = self
            .parts
            .iter()
            .map(|(part, share)| (*part, counted(*part, share.worst)))
            .max_by(|one, other| one.1.total_cmp(&other.1))?;
        (share >= NOTICEABLE).then(|| words(part, &percent(share)))
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
        Shortage { parts, restarted: Vec::new() }
    }
}

/// Whole percents: the figures are not more exact than that.
fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn words(part: Part, share: &str) -> String {
    debug_assert!(!explains(part), "{part:?} is no cause");
    match part {
        Part::LoadgenWaits => format!("loadgen waited for a CPU for {share}"),
        Part::LoadgenLate => format!("timers of loadgen were late for {share}"),
        Part::ScenariodWaits => format!("scenariod waited for a CPU for {share}"),
        Part::ProxySlow => format!("reads through the proxy of a node without a fault waited for {share}"),
        Part::NodeSlow => format!("reads past the proxies waited for a node for {share}"),
        Part::ToxiproxyCpu => format!("toxiproxy used {share} of its CPUs"),
        Part::NodeCpu => format!("a node used {share} of its CPUs"),
        Part::Pressure => format!("tasks of the host waited for a CPU for {share}"),
        Part::Steal => format!("the hypervisor took {share}"),
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
        let samples = MachineSamples::new(&[series("part", "loadgen_waits", &points)], &[]);
        let shortage = samples.during(Window { start: 10.0, end: 19.0 }, 5.0);
        assert!((shortage.mean() - 0.1).abs() < 1e-9 && shortage.worst() == 0.5, "{shortage:?}");
        assert_eq!(samples.during(Window { start: 30.0, end: 40.0 }, 5.0), Shortage::default());
    }

    #[test]
    fn the_largest_part_is_named_with_its_explanation() {
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
        assert_eq!(shortage.warning().unwrap(), "loadgen waited for a CPU for 31%");
        let saturated = Shortage::of(&[(Part::ToxiproxyCpu, 0.9), (Part::LoadgenWaits, 0.2)]);
        assert!(
            saturated.describe("testing").unwrap().starts_with("toxiproxy used 90% of its CPUs in testing")
        );
        // A busy neighbour that takes nothing from the lab excuses nothing.
        let neighbour =
            Shortage::of(&[(Part::Pressure, 1.0), (Part::Steal, 0.5), (Part::ToxiproxyCpu, 0.79)]);
        assert_eq!(
            (neighbour.worst(), neighbour.describe("testing"), neighbour.warning()),
            (0.0, None, None)
        );
    }

    #[test]
    fn scenariod_delays_phases_and_no_operation() {
        let shortage = Shortage::of(&[(Part::ScenariodWaits, 0.4)]);
        assert_eq!((shortage.worst(), shortage.delay()), (0.0, 0.4));
    }

    #[test]
    fn an_uptime_that_decreases_is_a_restart() {
        let uptimes = [
            series("server", "a", &[(1.0, 5.0), (2.0, 6.0)]),
            series("server", "b", &[(1.0, 5.0), (2.0, 0.0)]),
        ];
        let shortage = MachineSamples::new(&[], &uptimes).during(Window { start: 0.0, end: 9.0 }, 5.0);
        assert_eq!(shortage.describe("testing").unwrap(), "b restarted during the run");
    }
}
