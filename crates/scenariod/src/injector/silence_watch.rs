//! Measures how long Toxiproxy leaves a run without the list of its proxies. Pure: moments are arguments.

use std::time::{Duration, Instant};

use super::Disturbance;

/// A Toxiproxy that takes this long to list its proxies delays the connections of the lab as well.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// How long the reads of a run have waited for an answer.
#[derive(Debug, Default)]
pub(super) struct SilenceWatch {
    /// When the first call since the last answer began.
    waiting_since: Option<Instant>,
    longest: Duration,
}

impl SilenceWatch {
    /// A call begins. The wait of an earlier call that was dropped or timed out goes on.
    pub(super) fn call_started(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// A call was answered, or could not connect.
    pub(super) fn call_ended(&mut self, now: Instant) {
        self.still_waiting(now);
        self.waiting_since = None;
    }

    /// No answer has come until now.
    pub(super) fn still_waiting(&mut self, now: Instant) {
        let waited = self.waiting_since.map(|since| now.saturating_duration_since(since));
        self.longest = self.longest.max(waited.unwrap_or_default());
    }

    /// One wait that was too long makes the run inconclusive, however fast Toxiproxy is afterwards.
    pub(super) fn check(&self) -> Result<(), Disturbance> {
        let took = self.longest;
        if took < LONGEST_WAIT { Ok(()) } else { Err(Disturbance::Unresponsive { took }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Call = fn(&mut SilenceWatch, Instant);

    /// The wait, in ms, if it was too long after these calls at these moments.
    fn too_long(calls: &[(Call, u64)]) -> Option<u128> {
        let (start, mut watch) = (Instant::now(), SilenceWatch::default());
        for (call, at) in calls {
            call(&mut watch, start + Duration::from_millis(*at));
        }
        match watch.check() {
            Err(Disturbance::Unresponsive { took }) => Some(took.as_millis()),
            _ => None,
        }
    }

    #[test]
    fn the_wait_of_an_unanswered_call_goes_on_in_the_next() {
        let (start, end): (Call, Call) = (SilenceWatch::call_started, SilenceWatch::call_ended);
        let wait: Call = SilenceWatch::still_waiting;
        assert_eq!(too_long(&[]), None);
        assert_eq!(too_long(&[(wait, 9_000)]), None, "no call");
        assert_eq!(too_long(&[(start, 0), (end, 1_999)]), None);
        assert_eq!(too_long(&[(start, 0), (end, 2_000)]), Some(2_000));
        assert_eq!(too_long(&[(start, 0), (wait, 3_000)]), Some(3_000));
        assert_eq!(too_long(&[(start, 0), (end, 900), (start, 3_000), (end, 3_100)]), None);
        assert_eq!(
            too_long(&[(start, 0), (start, 1_500), (end, 2_500)]),
            Some(2_500),
            "the first call was dropped"
        );
        assert_eq!(too_long(&[(start, 0), (end, 2_500), (start, 3_000), (end, 3_001)]), Some(2_500));
    }
}
