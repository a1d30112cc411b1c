//! Which load generators count in a run: those that Prometheus scraped in it. The same rule is used before, during and after
//! a run. Pure.

use std::fmt;
use std::time::Duration;

use metrics_core::families::client::readings::JOB;
use serde::Serialize;

use crate::prometheus::Series;
use crate::promql::restrict::LiveTargets;

/// A scrape older than this many intervals is out of date.
pub(super) const MAX_SCRAPE_AGE: f64 = 2.5;
/// As long as Prometheus returns old samples, in seconds: the limit while the scrape interval is not known.
const MAX_SAMPLE_AGE: f64 = 300.0;
/// The interval is the median of this many gaps. Older scrapes may be from before a change of the configuration.
const GAPS: usize = 20;

/// A scrape target, as its series name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct TargetId {
    pub(crate) job: String,
    pub(crate) instance: String,
}

impl TargetId {
    pub(crate) fn of(series: &Series) -> TargetId {
        TargetId { job: series.label("job").to_owned(), instance: series.label("instance").to_owned() }
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance)?;
        if self.job == JOB { Ok(()) } else { write!(f, " (job {})", self.job) }
    }
}

/// The scrapes of one load generator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) id: TargetId,
    /// The time of each scrape, and whether the load generator answered.
    pub(crate) scrapes: Vec<(f64, bool)>,
}

impl Target {
    fn of(up: &Series) -> Target {
        let scrapes = up.points.iter().map(|(at, up)| (*at, *up == 1.0)).collect();
        Target { id: TargetId::of(up), scrapes }
    }

    /// The time of the last scrape.
    pub(super) fn newest(&self) -> f64 {
        self.scrapes.last().map_or(0.0, |(at, _)| *at)
    }

    fn answered_since(&self, since: f64) -> bool {
        self.scrapes.iter().any(|(at, answered)| *answered && *at >= since)
    }

    fn interval(&self) -> Option<Duration> {
        let gaps = self.scrapes.windows(2).rev().take(GAPS);
        let mut gaps: Vec<f64> = gaps.filter_map(|pair| Some(pair.last()?.0 - pair.first()?.0)).collect();
        gaps.sort_by(f64::total_cmp);
        let interval = Duration::try_from_secs_f64(*gaps.get(gaps.len() / 2)?).ok()?;
        // Scrapes come some milliseconds early or late, so the interval is rounded to 50 ms.
        let millis = u64::try_from(interval.as_millis()).unwrap_or_default();
        Some(Duration::from_millis((millis.saturating_add(25) / 50 * 50).max(50)))
    }
}

/// Why a load generator does not count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Absence {
    /// Prometheus scrapes it, and it does not answer.
    Silent,
    /// Prometheus scraped it for the last time this many seconds before the run.
    Gone(f64),
}

/// A load generator that does not count.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AbsentTarget {
    pub(crate) id: TargetId,
    pub(crate) why: Absence,
}

impl fmt::Display for AbsentTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load generator {} is not judged: ", self.id)?;
        match self.why {
            Absence::Silent => f.write_str("it does not answer prometheus"),
            Absence::Gone(age) => write!(f, "prometheus scraped it last {age:.0} s before the run"),
        }
    }
}

/// Why no load generator counts.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NoTarget {
    /// Prometheus scrapes one, and it does not answer.
    Silent,
    /// Prometheus scrapes none. It may have scraped one before.
    Unscraped(Option<AbsentTarget>),
}

impl NoTarget {
    /// In words for a run that has ended.
    pub(crate) fn after_run(&self) -> String {
        match self {
            NoTarget::Silent => "the load generator answered no scrape during the run".to_owned(),
            NoTarget::Unscraped(_) => self.to_string(),
        }
    }
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unscraped = "prometheus does not scrape the load generator";
        match self {
            NoTarget::Silent => f.write_str("the load generator does not answer prometheus"),
            NoTarget::Unscraped(None) => f.write_str(unscraped),
            NoTarget::Unscraped(Some(gone)) => write!(f, "{unscraped}; {gone}"),
        }
    }
}

/// What Prometheus knows of the load generators in a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Presence {
    /// `None` if there are too few scrapes.
    pub(crate) interval: Option<Duration>,
    /// Those that count. One whose scrapes have other labels than its series has no scrapes here.
    pub(crate) live: Vec<Target>,
    pub(crate) absent: Vec<AbsentTarget>,
    /// Whether Prometheus still returns samples of a load generator that does not count.
    leftovers: bool,
}

impl Presence {
    /// For a run that begins at `from`. `up` has the scrapes of the load generators, `sightings` the time of the newest
    /// sample of each.
    pub(crate) fn find(up: &[Series], sightings: &[Series], from: f64) -> Presence {
        let mut targets: Vec<Target> = up.iter().map(Target::of).collect();
        targets.sort_by(|one, other| other.newest().total_cmp(&one.newest()));
        let interval = targets.iter().find_map(Target::interval);
        let age = interval.map_or(MAX_SAMPLE_AGE, |interval| interval.as_secs_f64() * MAX_SCRAPE_AGE);
        let since = from - age;
        let (mut live, missing): (Vec<Target>, Vec<Target>) =
            targets.into_iter().partition(|target| target.answered_since(since));
        let silent = missing.iter().filter(|target| target.newest() >= since);
        let mut absent: Vec<AbsentTarget> =
            silent.map(|target| AbsentTarget { id: target.id.clone(), why: Absence::Silent }).collect();
        let mut leftovers = false;
        for series in sightings {
            let (id, newest) = (TargetId::of(series), series.points.last().map_or(0.0, |(_, at)| *at));
            if live.iter().any(|target| target.id == id) {
                continue;
            }
            let is_known = absent.iter().any(|absent| absent.id == id);
            if newest >= since && !is_known {
                live.push(Target { id, scrapes: Vec::new() });
            } else {
                leftovers = true;
                if !is_known {
                    absent.push(AbsentTarget { id, why: Absence::Gone(from - newest) });
                }
            }
        }
        live.sort_by(|one, other| one.id.cmp(&other.id));
        absent.sort_by(|one, other| one.id.cmp(&other.id));
        Presence { interval, live, absent, leftovers }
    }

    /// Whether series of this target count.
    pub(crate) fn counts(&self, series: &Series) -> bool {
        let id = TargetId::of(series);
        !self.absent.iter().any(|absent| absent.id == id)
    }

    /// The load generators to which queries are restricted, so that sums leave out the others.
    pub(crate) fn restriction(&self) -> Option<LiveTargets> {
        let distinct = |label: fn(&TargetId) -> &String| {
            let mut values: Vec<String> = self.live.iter().map(|target| label(&target.id).clone()).collect();
            values.sort();
            values.dedup();
            values
        };
        let live = || LiveTargets { jobs: distinct(|id| &id.job), instances: distinct(|id| &id.instance) };
        (self.leftovers && !self.live.is_empty()).then(live)
    }

    /// Why nothing can be judged, if no load generator counts.
    pub(crate) fn problem(&self) -> Option<NoTarget> {
        if !self.live.is_empty() {
            return None;
        }
        let is_silent = self.absent.iter().any(|absent| absent.why == Absence::Silent);
        Some(if is_silent { NoTarget::Silent } else { NoTarget::Unscraped(self.absent.first().cloned()) })
    }

    /// Whether a load generator answered its last scrape.
    pub(crate) fn answers(&self) -> bool {
        self.live.iter().any(|target| target.scrapes.last().is_none_or(|(_, answered)| *answered))
    }

    /// A line for each load generator that does not count.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.absent.iter().map(AbsentTarget::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(job: &str, instance: &str, points: Vec<(f64, f64)>) -> Series {
        let labels = [("job", job), ("instance", instance)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Series { labels, points }
    }

    /// A scrape per second from `first` to `last`.
    fn up(instance: &str, first: u32, last: u32, up: f64) -> Series {
        labelled(JOB, instance, (first..=last).map(|at| (f64::from(at), up)).collect())
    }

    fn seen(job: &str, instance: &str, newest: f64) -> Series {
        labelled(job, instance, vec![(100.0, newest)])
    }

    fn found(presence: &Presence) -> (Vec<&str>, Vec<String>) {
        (presence.live.iter().map(|target| target.id.instance.as_str()).collect(), presence.notes())
    }

    #[test]
    fn a_ghost_of_an_earlier_lab_does_not_count_and_is_named() {
        let all = [up("old:1", 10, 60, 1.0), up("new:1", 80, 100, 1.0)];
        let sightings = [seen(JOB, "old:1", 60.0), seen(JOB, "new:1", 100.0)];
        let presence = Presence::find(&all, &sightings, 100.0);
        let note = "load generator old:1 is not judged: prometheus scraped it last 40 s before the run";
        assert_eq!(found(&presence), (vec!["new:1"], vec![note.to_owned()]));
        assert_eq!((presence.problem(), presence.interval), (None, Some(Duration::from_secs(1))));
        let instances = presence.restriction().map(|live| live.instances);
        assert_eq!(instances, Some(vec!["new:1".to_owned()]));
        assert!(!presence.counts(&seen(JOB, "old:1", 60.0)) && presence.counts(&seen(JOB, "new:1", 100.0)));
        // A series without the labels of a target is a sum. The restricted query has left out the ghost.
        assert!(presence.counts(&Series::default()));
        // Alone, it is the reason why there is no verdict.
        let alone = Presence::find(&all[..1], &sightings[..1], 100.0);
        let problem = format!("prometheus does not scrape the load generator; {note}");
        assert_eq!((alone.problem().unwrap().to_string(), alone.answers()), (problem, false));
    }

    #[test]
    fn a_second_target_that_is_down_is_named_and_a_first_one_is_a_problem() {
        let (down, well) = (up("b:1", 50, 100, 0.0), up("a:1", 50, 100, 1.0));
        let sightings = [seen(JOB, "a:1", 100.0)];
        let presence = Presence::find(&[down.clone(), well], &sightings, 100.0);
        let note = "load generator b:1 is not judged: it does not answer prometheus";
        assert_eq!(found(&presence), (vec!["a:1"], vec![note.to_owned()]));
        assert_eq!(presence.restriction(), None, "it left nothing");
        // Prometheus was restarted while it was down: its last samples are still returned.
        let left = Presence::find(&[down.clone(), up("a:1", 50, 100, 1.0)], &[seen(JOB, "b:1", 40.0)], 100.0);
        assert_eq!((found(&left).1, left.restriction().is_some()), (vec![note.to_owned()], true));
        let problem = Presence::find(&[down], &[], 100.0).problem().unwrap();
        assert_eq!(problem.to_string(), "the load generator does not answer prometheus");
        assert_eq!(problem.after_run(), "the load generator answered no scrape during the run");
        let nothing = Presence::find(&[], &[], 100.0).problem().unwrap();
        assert_eq!(nothing.to_string(), "prometheus does not scrape the load generator");
    }

    #[test]
    fn a_load_generator_that_dies_during_the_run_still_counts() {
        let mut dies = up("a:1", 50, 103, 1.0);
        dies.points.extend((104..=120).map(|at| (f64::from(at), 0.0)));
        let presence = Presence::find(&[dies.clone()], &[seen(JOB, "a:1", 103.0)], 100.0);
        assert_eq!(found(&presence), (vec!["a:1"], Vec::new()));
        assert!(!presence.answers());
        // Of a run that begins later it is no part.
        assert_eq!(found(&Presence::find(&[dies], &[], 110.0)).0, Vec::<&str>::new());
    }

    #[test]
    fn a_renamed_instance_counts_as_long_as_its_samples_are_new() {
        // The labels of series are changed after the scrape, those of `up` are not.
        let all = [up("a:1", 50, 100, 1.0)];
        let sightings = [seen(JOB, "client-a", 99.5), seen("old-job", "a:1", 70.0)];
        let presence = Presence::find(&all, &sightings, 100.0);
        let note =
            "load generator a:1 (job old-job) is not judged: prometheus scraped it last 30 s before the run";
        assert_eq!(found(&presence), (vec!["a:1", "client-a"], vec![note.to_owned()]));
        assert!(presence.answers());
    }

    #[test]
    fn the_interval_is_the_median_gap_of_the_newest_target() {
        let with = |points: Vec<(f64, f64)>| {
            Presence::find(&[up("old:1", 10, 15, 1.0), labelled(JOB, "a:1", points)], &[], 100.0).interval
        };
        let scrapes = vec![(91.0, 1.0), (93.001, 1.0), (95.0, 0.0), (99.0, 1.0)];
        assert_eq!(with(scrapes), Some(Duration::from_secs(2)));
        // One scrape says nothing: the interval of the lab before it is the best guess.
        assert_eq!(with(vec![(99.0, 1.0)]), Some(Duration::from_secs(1)));
        assert_eq!(Presence::find(&[up("a:1", 99, 99, 1.0)], &[], 100.0).interval, None);
    }
}
