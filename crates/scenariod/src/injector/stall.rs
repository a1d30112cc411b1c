//! For how long Toxiproxy keeps a run waiting for the list of its proxies. Pure: moments are arguments.

use std::time::{Duration, Instant};

use super::Spoiled;

/// A Toxiproxy that lists its proxies no faster holds up the connections of the lab as well.
const STILL: Duration = Duration::from_secs(2);

/// What the looks of a run have waited so far.
#[derive(Debug, Default)]
pub(super) struct Stall {
    /// When the first look began that no answer has followed yet.
    asked: Option<Instant>,
    longest: Duration,
}

impl Stall {
    /// A look begins. The wait of one that was dropped, or ran into its limit, goes on.
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    /// Toxiproxy said something, or nobody is there who could.
    pub(super) fn answered(&mut self, now: Instant) {
        self.silent(now);
        self.asked = None;
    }

    /// By now no answer has come.
    pub(super) fn silent(&mut self, now: Instant) {
        let waited = self.asked.map(|asked| now.saturating_duration_since(asked));
        self.longest = self.longest.max(waited.unwrap_or_default());
    }

    /// A run that was held up once proves nothing, however fast Toxiproxy is afterwards.
    pub(super) fn judge(&self) -> Result<(), Spoiled> {
        let took = self.longest;
        if took < STILL { Ok(()) } else { Err(Spoiled::Still { took }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Call = fn(&mut Stall, Instant);

    /// What a run waited too long, in ms, after these calls at these moments.
    fn stood(calls: &[(Call, u64)]) -> Option<u128> {
        let (start, mut stall) = (Instant::now(), Stall::default());
        for (call, at) in calls {
            call(&mut stall, start + Duration::from_millis(*at));
        }
        match stall.judge() {
            Err(Spoiled::Still { took }) => Some(took.as_millis()),
            _ => None,
        }
    }

    #[test]
    fn the_wait_of_a_look_without_an_answer_goes_on_in_the_next() {
        let (ask, answered, silent): (Call, Call, Call) = (Stall::ask, Stall::answered, Stall::silent);
        assert_eq!(stood(&[]), None);
        assert_eq!(stood(&[(silent, 9_000)]), None, "nobody asked");
        assert_eq!(stood(&[(ask, 0), (answered, 1_999)]), None);
        assert_eq!(stood(&[(ask, 0), (answered, 2_000)]), Some(2_000));
        assert_eq!(stood(&[(ask, 0), (silent, 3_000)]), Some(3_000));
        assert_eq!(stood(&[(ask, 0), (answered, 900), (ask, 3_000), (answered, 3_100)]), None);
        assert_eq!(stood(&[(ask, 0), (ask, 1_500), (answered, 2_500)]), Some(2_500), "the first was dropped");
        assert_eq!(stood(&[(ask, 0), (answered, 2_500), (ask, 3_000), (answered, 3_001)]), Some(2_500));
    }
}
