//! Looks at the clocks where the phases of a run meet: a verdict reads samples that Prometheus stamped by its clock in
//! windows that this process took from its own. Nothing waits for a look; what cannot be asked tells nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::epoch_seconds;
use crate::prometheus::Series;
use crate::prometheus::{PromError, Prometheus};
use crate::scenario::phase_times::PhaseTimes;

/// One look: seconds by which the clocks are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Look {
    /// Prometheus' clock ahead of this one.
    pub(crate) skew: f64,
    /// This clock ahead of where it would be, had nobody set it since the run began.
    pub(crate) jump: f64,
}

impl Look {
    /// Why samples cannot be told to their phases, where clocks may be apart by so much.
    pub(crate) fn doubt(self, tolerance: Duration) -> Option<String> {
        let tolerance = tolerance.as_secs_f64();
        if self.jump.abs() > tolerance {
            Some(format!("this clock was set by {:+.1} s, or stood still, while the run was on", self.jump))
        } else if self.skew.abs() > tolerance {
            Some(format!("the clock of prometheus is {:+.1} s off this one", self.skew))
        } else {
            None
        }
    }
}

/// Looks at every edge of a run until it is told to end.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    began: Began,
    looks: Arc<Mutex<Vec<Look>>>,
    task: Option<JoinHandle<()>>,
}

impl ClockWatch {
    /// Without a verdict, clocks do not matter.
    pub(crate) fn start(
        prometheus: Option<&Prometheus>,
        mut moments: watch::Receiver<PhaseTimes>,
    ) -> ClockWatch {
        let looks = Arc::<Mutex<Vec<Look>>>::default();
        let (found, began) = (Arc::clone(&looks), Began::now());
        let task = prometheus.cloned().map(|prometheus| {
            tokio::spawn(async move {
                while moments.changed().await.is_ok() {
                    let jump = began.jump();
                    // A Prometheus that is away for a moment has no say; its own gaps are told by its samples.
                    let skew = skew(&prometheus).await.unwrap_or_default();
                    found.lock().unwrap_or_else(PoisonError::into_inner).push(Look { skew, jump });
                }
            })
        });
        ClockWatch { began, looks, task }
    }

    /// What was seen, with a last look at this machine's own clock; that of Prometheus is asked when the run is judged.
    pub(crate) fn end(self) -> Vec<Look> {
        if let Some(task) = self.task {
            task.abort();
        }
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        looks.push(Look { skew: 0.0, jump: self.began.jump() });
        looks
    }
}

/// The two clocks of this machine at one moment.
#[derive(Clone, Copy, Debug)]
struct Began {
    wall: SystemTime,
    steady: Instant,
}

impl Began {
    fn now() -> Began {
        Began { wall: SystemTime::now(), steady: Instant::now() }
    }

    fn jump(self) -> f64 {
        epoch_seconds(SystemTime::now()) - epoch_seconds(self.wall) - self.steady.elapsed().as_secs_f64()
    }
}

/// How far Prometheus' clock is ahead of this one. The time that the answer took counts for nobody.
pub(crate) async fn skew(prometheus: &Prometheus) -> Result<f64, PromError> {
    let asked = epoch_seconds(SystemTime::now());
    let answer = prometheus.instant("time()", None).await?;
    Ok(ahead(&answer, asked, epoch_seconds(SystemTime::now())))
}

fn ahead(answer: &[Series], asked: f64, answered: f64) -> f64 {
    let theirs = answer.first().and_then(|series| series.points.last()).map(|(_, value)| *value);
    // A clock that was set back in between must not end the process.
    theirs.map_or(0.0, |theirs| theirs - theirs.max(asked.min(answered)).min(answered.max(asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_an_answer_takes_is_no_skew() {
        let at = |theirs| [Series { points: vec![(theirs, theirs)], ..Series::default() }];
        assert_eq!(ahead(&at(11.0), 10.0, 12.0), 0.0);
        assert_eq!((ahead(&at(15.0), 10.0, 12.0), ahead(&at(7.0), 10.0, 12.0)), (3.0, -3.0));
        assert_eq!((ahead(&at(11.0), 12.0, 10.0), ahead(&[], 10.0, 12.0)), (0.0, 0.0));
    }

    /// A clock that is set in the last phase is at no edge any more.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_run_is_looked_at() {
        let watch = ClockWatch::start(None, watch::channel(PhaseTimes::default()).1);
        tokio::time::advance(Duration::from_secs(10)).await;
        let doubts = watch.end().into_iter().map(|look| look.doubt(Duration::from_secs(1)));
        let set_back = "this clock was set by -10.0 s, or stood still, while the run was on";
        assert_eq!(doubts.collect::<Vec<_>>(), [Some(set_back.to_owned())]);
    }

    #[test]
    fn clocks_may_be_apart_by_a_scrape() {
        let doubt = |skew, jump| Look { skew, jump }.doubt(Duration::from_secs(1));
        assert_eq!(doubt(1.0, -1.0), None);
        assert_eq!(
            doubt(-3_600.0, 0.0).as_deref(),
            Some("the clock of prometheus is -3600.0 s off this one")
        );
        assert_eq!(
            doubt(3_600.0, 3_600.0).as_deref(),
            Some("this clock was set by +3600.0 s, or stood still, while the run was on")
        );
    }
}
