//! The queue of an open loop: which operations may start now, which wait for a worker, which were dropped. Pure: the caller
//! passes the time, waits, and counts the drops.
//!
//! An operation is due from its intended start on. Operations wait for a worker in order, each for at most the maximum
//! start delay. Then it is dropped and counted, because a real caller would have given up. So a stall shows as late starts
//! first and as drops later, and its end sends no burst of operations older than that delay. The queue is a range of
//! numbers and not a list, so a stall of an hour costs as much as a stall of a millisecond.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::mix::{derive_seed, mix64};
use crate::profile::Schedule;

/// An operation that is due and may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DueOperation {
    /// Its number over all threads, from 0.
    pub(crate) number: u64,
    /// Its latency counts from here.
    pub(crate) intended: Instant,
}

impl DueOperation {
    /// The randomness of this operation. It depends only on the seed and the number, so the same seed gives the same
    /// operations, whichever worker performs them and whatever was dropped before.
    pub(crate) fn rng(&self, seed: u64) -> Rng {
        Rng::with_seed(mix64(derive_seed(seed, self.number)))
    }
}

/// The answer to a free worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "dropped operations must be counted"]
pub(crate) struct TakeResult {
    /// Operations dropped since the last call.
    pub(crate) dropped: u64,
    /// `None`: nothing is due before [`DispatchQueue::next_start`].
    pub(crate) operation: Option<DueOperation>,
}

/// The queue of one load thread.
#[derive(Clone, Debug)]
pub(crate) struct DispatchQueue {
    schedule: Schedule,
    began: Instant,
    max_start_delay: Duration,
    /// Index of the first operation that was neither started nor dropped.
    next: u64,
    /// Its intended start. It is stored because it is read much more often than it changes.
    next_start: Instant,
}

impl DispatchQueue {
    /// `began` is the same for all threads of a run. By default the maximum start delay is the operation timeout: the caller
    /// of an operation that waits longer would be gone. So the latency is at most the sum of the two.
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

    /// Drops the operations that have waited too long and returns their number. Called while no worker is free.
    #[must_use = "dropped operations must be counted"]
    pub(crate) fn expire(&mut self, now: Instant) -> u64 {
        if now.saturating_duration_since(self.next_start) <= self.max_start_delay {
            return 0;
        }
        // Operations with an intended start before `kept` are dropped. One that starts at `kept` is still in time.
        let kept = now.saturating_duration_since(self.began).saturating_sub(self.max_start_delay);
        let lost = kept.checked_sub(Duration::from_nanos(1)).map_or(0, |before| self.schedule.due(before));
        let dropped = lost.saturating_sub(self.next);
        self.move_to(self.next + dropped);
        dropped
    }

    /// Drops all operations that are due and returns their number. The load ends at `now`.
    #[must_use = "dropped operations must be counted"]
    pub(crate) fn abandon(&mut self, now: Instant) -> u64 {
        let queued = self.queued(now);
        self.move_to(self.next + queued);
        queued
    }

    /// The number of due operations that wait for a worker.
    pub(crate) fn queued(&self, now: Instant) -> u64 {
        count_due(&self.schedule, self.began, now).saturating_sub(self.next)
    }

    /// The number of operations started or dropped so far.
    pub(crate) fn settled(&self) -> u64 {
        self.next
    }

    /// The intended start of the first operation that was neither started nor dropped. It is in the past while any is queued.
    pub(crate) fn next_start(&self) -> Instant {
        self.next_start
    }

    fn move_to(&mut self, next: u64) {
        self.next = next;
        self.next_start = self.began + self.schedule.start(next);
    }
}

/// How many operations of a load are due at `now`. The load began at `began`; none are due before.
pub(crate) fn count_due(schedule: &Schedule, began: Instant, now: Instant) -> u64 {
    now.checked_duration_since(began).map_or(0, |elapsed| schedule.due(elapsed))
}

#[cfg(test)]
mod tests;
