//! The book-keeping of an open loop: which operations may start now, which wait for a worker, which were dropped. Pure:
//! the caller brings the time, does the waiting and counts what is reported.
//!
//! An operation is due from its intended start on. It waits for a worker in order, and for at most the longest start
//! delay: what nobody could start by then is dropped and counted, because a caller would have gone. So a stall is seen
//! as late starts first and as drops then, and its end never sends a burst of old work beyond that delay. The queue is
//! a range of numbers, not a list: an hour's stall costs what a millisecond's does.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mix::{derive_seed, mix64};
use crate::profile::Schedule;

/// An operation that starts now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DueOperation {
    /// Over all threads, from 0.
    pub(crate) number: u64,
    /// Latency counts from here.
    pub(crate) intended: Instant,
}

impl DueOperation {
    /// Randomness of this operation alone: equal seeds give equal operations, whatever worker of whatever thread
    /// performs them and whatever was dropped before.
    pub(crate) fn rng(&self, seed: u64) -> Rng {
        Rng::with_seed(mix64(derive_seed(seed, self.number)))
    }
}

/// What a free worker finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "dropped operations must be counted"]
pub(crate) struct TakeResult {
    /// Operations given up since the last turn.
    pub(crate) dropped: u64,
    /// `None`: nothing is due before [`DispatchQueue::next_start`].
    pub(crate) operation: Option<DueOperation>,
}

/// One thread's part of the load.
#[derive(Clone, Debug)]
pub(crate) struct DispatchQueue {
    schedule: Schedule,
    began: Instant,
    max_start_delay: Duration,
    /// Index of the first operation neither started nor dropped.
    next: u64,
    /// Its intended start, kept because it is asked for far more often than it changes.
    next_start: Instant,
}

impl DispatchQueue {
    /// `began` is the same for all threads of a run. The longest start delay is the operation timeout unless the user
    /// says otherwise: an operation still waiting then has no caller left. Latency is thus at most the sum of the two.
    pub(crate) fn new(schedule: Schedule, began: Instant, max_start_delay: Duration) -> Self {
        Self { schedule, began, max_start_delay, next: 0, next_start: began + schedule.start(0) }
    }

    /// The first operation that is due and can still start in time.
    pub(crate) fn take(&mut self, now: Instant) -> TakeResult {
        let dropped = self.expire(now);
        if self.next_start > now {
            return TakeResult { dropped, operation: None };
        }
        let operation = DueOperation { number: self.schedule.number(self.next), intended: self.next_start };
        self.move_to(self.next + 1);
        TakeResult { dropped, operation: Some(operation) }
    }

    /// Gives up what has waited too long, and says how many. For whoever looks while no worker is free.
    #[must_use = "dropped operations must be counted"]
    pub(crate) fn expire(&mut self, now: Instant) -> u64 {
        if now.saturating_duration_since(self.next_start) <= self.max_start_delay {
            return 0;
        }
        // Lost are those meant to start before this moment; at the moment itself is still in time.
        let kept = now.saturating_duration_since(self.began).saturating_sub(self.max_start_delay);
        let lost = kept.checked_sub(Duration::from_nanos(1)).map_or(0, |before| self.schedule.due(before));
        let dropped = lost.saturating_sub(self.next);
        self.move_to(self.next + dropped);
        dropped
    }

    /// Gives up all that is due, and says how many: the load ends at `now`.
    #[must_use = "dropped operations must be counted"]
    pub(crate) fn abandon(&mut self, now: Instant) -> u64 {
        let queued = self.queued(now);
        self.move_to(self.next + queued);
        queued
    }

    /// Due operations that wait for a worker.
    pub(crate) fn queued(&self, now: Instant) -> u64 {
        count_due(&self.schedule, self.began, now).saturating_sub(self.next)
    }

    /// Started and dropped so far.
    pub(crate) fn settled(&self) -> u64 {
        self.next
    }

    /// The intended start of the first operation neither started nor dropped; in the past while any is queued.
    pub(crate) fn next_start(&self) -> Instant {
        self.next_start
    }

    fn move_to(&mut self, next: u64) {
        self.next = next;
        self.next_start = self.began + self.schedule.start(next);
    }
}

/// How many operations of a load that began at `began` are meant to have started: none before it began.
pub(crate) fn count_due(schedule: &Schedule, began: Instant, now: Instant) -> u64 {
    now.checked_duration_since(began).map_or(0, |elapsed| schedule.due(elapsed))
}

#[cfg(test)]
mod tests;
