//! Reads the clocks at every phase change of a run. A verdict compares sample times, which come from Prometheus' clock, with
//! phase times, which come from this machine's clock. The run never waits for a reading.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics_core::Locked;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::epoch_seconds;
use crate::prometheus::{Prometheus, PrometheusError, Series};
use crate::scenario::phase_times::PhaseTimes;
use crate::text::format_offset;

/// One reading of the clocks, as differences in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ClockReading {
    /// How far Prometheus' clock is ahead of this machine's clock.
    pub(crate) skew: f64,
    /// How far this machine's clock has been moved forward since the run began.
    pub(crate) jump: f64,
}

impl ClockReading {
    /// Why samples cannot be assigned to phases, if the clocks differ by more than `tolerance`.
    pub(crate) fn doubt(self, tolerance: Duration) -> Option<String> {
        let tolerance = tolerance.as_secs_f64();
        if self.jump.abs() > tolerance {
            let jump = format_offset(self.jump);
            Some(format!(
                "the clock of this machine jumped by {jump} during the run: it was set, or the machine was suspended"
            ))
        } else if self.skew.abs() > tolerance {
            let skew = format_offset(self.skew);
            Some(format!("the clock of prometheus differs by {skew} from the clock of this machine"))
        } else {
            None
        }
    }
}

/// The background task that reads the clocks during one run.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    start: ClockPair,
    readings: Arc<Locked<Vec<ClockReading>>>,
    task: Option<JoinHandle<()>>,
}

impl ClockWatch {
    /// Starts no task without a Prometheus: clocks only matter for a verdict.
    pub(crate) fn start(
        prometheus: Option<&Prometheus>,
        mut moments: watch::Receiver<PhaseTimes>,
    ) -> ClockWatch {
        let readings = Arc::<Locked<Vec<ClockReading>>>::default();
        let (list, start) = (Arc::clone(&readings), ClockPair::now());
        let task = prometheus.cloned().map(|prometheus| {
            tokio::spawn(async move {
                while moments.changed().await.is_ok() {
                    let jump = start.jump();
                    // A Prometheus that is down for a moment is no evidence of skew. Missing samples are found later.
                    let skew = read_skew(&prometheus).await.unwrap_or_default();
                    list.lock().push(ClockReading { skew, jump });
                }
            })
        });
        ClockWatch { start, readings, task }
    }

    /// Returns all readings and a last one of this machine's clock. The evaluation reads Prometheus' clock once more.
    pub(crate) fn end(self) -> Vec<ClockReading> {
        if let Some(task) = self.task {
            task.abort();
        }
        let mut readings = self.readings.lock().clone();
        readings.push(ClockReading { skew: 0.0, jump: self.start.jump() });
        readings
    }
}

/// The wall clock and the monotonic clock of this machine at one moment.
#[derive(Clone, Copy, Debug)]
struct ClockPair {
    wall: SystemTime,
    monotonic: Instant,
}

impl ClockPair {
    fn now() -> ClockPair {
        ClockPair { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    fn jump(self) -> f64 {
        epoch_seconds(SystemTime::now()) - epoch_seconds(self.wall) - self.monotonic.elapsed().as_secs_f64()
    }
}

/// How far Prometheus' clock is ahead of this machine's clock, in seconds. The duration of the call is not counted as skew.
pub(crate) async fn read_skew(prometheus: &Prometheus) -> Result<f64, PrometheusError> {
    let sent = epoch_seconds(SystemTime::now());
    let answer = prometheus.instant("time()", None).await?;
    Ok(skew(&answer, sent, epoch_seconds(SystemTime::now())))
}

fn skew(answer: &[Series], sent: f64, received: f64) -> f64 {
    let theirs = answer.first().and_then(|series| series.points.last()).map(|(_, value)| *value);
    // `clamp` would panic if this machine's clock was set back during the call.
    theirs.map_or(0.0, |theirs| theirs - theirs.max(sent.min(received)).min(received.max(sent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_duration_of_a_call_is_not_skew() {
        let at = |theirs| [Series { points: vec![(theirs, theirs)], ..Series::default() }];
        assert_eq!(skew(&at(11.0), 10.0, 12.0), 0.0);
        assert_eq!((skew(&at(15.0), 10.0, 12.0), skew(&at(7.0), 10.0, 12.0)), (3.0, -3.0));
        assert_eq!((skew(&at(11.0), 12.0, 10.0), skew(&[], 10.0, 12.0)), (0.0, 0.0));
    }

    /// No phase change follows the last phase, so a clock set in it is only found by the reading at the end.
    #[tokio::test(start_paused = true)]
    async fn the_clock_is_read_at_the_end_of_a_run() {
        let watch = ClockWatch::start(None, watch::channel(PhaseTimes::default()).1);
        tokio::time::advance(Duration::from_secs(10)).await;
        let doubts = watch.end().into_iter().map(|reading| reading.doubt(Duration::from_secs(1)));
        let set_back = "the clock of this machine jumped by -10.0 s during the run: it was set, or the machine was suspended";
        assert_eq!(doubts.collect::<Vec<_>>(), [Some(set_back.to_owned())]);
    }

    #[test]
    fn clocks_may_differ_by_one_scrape_interval() {
        let doubt = |skew, jump| ClockReading { skew, jump }.doubt(Duration::from_secs(1));
        assert_eq!(doubt(1.0, -1.0), None);
        assert_eq!(
            doubt(-3_600.0, 0.0).as_deref(),
            Some("the clock of prometheus differs by -3600.0 s from the clock of this machine")
        );
        assert_eq!(
            doubt(3_600.0, 3_600.0).as_deref(),
            Some(
                "the clock of this machine jumped by +3600.0 s during the run: it was set, or the machine was suspended"
            )
        );
    }
}
