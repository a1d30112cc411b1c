//! All writes of a run, shared by all threads: they decide whether a value that is read is right. This file has the clock
//! and the locks around the history of each key; `history` decides what is stale or late.
//!
//! The number of a writer contains a tag of its process. Values of another loadgen count as right: the clock and the
//! acknowledgements of an earlier run are not known here, and a run beside this one may replace any value. Values of other
//! programs count as right too, and are counted. With failover to
//! the next node, stale values are expected, because a write may have gone to a node that is no longer used for the key.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use metrics_core::Locked;

use crate::history::{Freshness, History, Nanos, WriteId};
use crate::mix::{GOLDEN_GAMMA, MULTIPLIER};
use crate::value::{self, Verdict, WrongValue};

/// Bits of a writer's number; the rest is the process' tag.
const NUMBER_BITS: u32 = 24;

/// The number of the writer that stores the first values. Workers have numbers from 1.
const WARM_UP_WRITER: u64 = 0;

/// The maximum number of buckets. With more keys, several keys share a bucket.
const MAX_BUCKETS: u64 = 1 << 20;

/// The effect of a write that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    Acknowledged,
    /// It was sent, and its effect is unknown.
    Unknown,
    /// It was not sent, or memcached refused it.
    NoEffect,
}

/// One source of writes. It begins a write only after the one before has ended.
#[derive(Debug)]
pub(crate) struct Writer {
    id: u64,
    last: Nanos,
}

#[derive(Debug)]
struct KeyHistory {
    key: u64,
    history: History,
}

/// The writes of a run, by item.
#[derive(Debug)]
pub(crate) struct WriteLedger {
    epoch: Instant,
    tag: u64,
    buckets: Box<[Locked<Vec<KeyHistory>>]>,
    /// The fingerprint of each bucket's latest write. It is written under the lock of the bucket and read without it, so
    /// that most reads need no lock.
    latest: Box<[AtomicU64]>,
    /// Whether all first values were acknowledged.
    warm: AtomicBool,
    wrong_value_logged: AtomicBool,
}

impl WriteLedger {
    /// For items below `keys`. The tag must be a random number and not the seed of the run: two processes may have the same
    /// seed.
    pub(crate) fn new(keys: u64, tag: u64, epoch: Instant) -> Self {
        let buckets = keys.clamp(1, MAX_BUCKETS);
        Self {
            epoch,
            tag: tag << NUMBER_BITS,
            buckets: (0..buckets).map(|_| Locked::default()).collect(),
            latest: (0..buckets).map(|_| AtomicU64::new(UNCHANGED)).collect(),
            warm: AtomicBool::new(false),
            wrong_value_logged: AtomicBool::new(false),
        }
    }

    pub(crate) fn writer(&self, number: u64) -> Writer {
        Writer { id: self.tag | number, last: 0 }
    }

    /// The name of the writes that store the first values. After [`set_warm`](Self::set_warm) they count as acknowledged
    /// before any other write.
    pub(crate) fn warm_up_id(&self) -> WriteId {
        WriteId { writer: self.tag | WARM_UP_WRITER, began: 0 }
    }

    pub(crate) fn set_warm(&self) {
        self.warm.store(true, Relaxed);
    }

    /// A write will be sent. Returns its name, which becomes part of the value.
    pub(crate) fn begin_write(&self, writer: &mut Writer, key: u64, at: Instant) -> WriteId {
        // Two writes get different names, even at the same instant of a coarse clock.
        writer.last = self.nanos(at).max(writer.last + 1);
        let id = WriteId { writer: writer.id, began: writer.last };
        history_of(&mut self.bucket(key), key).begin(id);
        id
    }

    /// A write has ended with this outcome.
    pub(crate) fn end_write(&self, key: u64, id: WriteId, outcome: WriteOutcome, ended: Instant) {
        let ended = self.nanos(ended);
        let mut bucket = self.bucket(key);
        let history = history_of(&mut bucket, key);
        match outcome {
            WriteOutcome::Acknowledged => {
                history.acknowledge(id, ended);
                let latest = if history.is_current(id) { fingerprint(key, id) } else { READ_HISTORY };
                self.latest(key).store(latest, Relaxed);
            }
            WriteOutcome::Unknown => history.give_up(id),
            WriteOutcome::NoEffect => history.forget(id),
        }
    }

    /// A deletion was acknowledged. Other deletions are not recorded, because they can only cause a miss.
    pub(crate) fn record_deletion(&self, key: u64, began: Instant, ended: Instant) {
        let (began, ended) = (self.nanos(began), self.nanos(ended));
        let mut bucket = self.bucket(key);
        history_of(&mut bucket, key).record_deletion(began, ended);
        self.latest(key).store(READ_HISTORY, Relaxed);
    }

    /// Judges the value that a read of a key returned.
    pub(crate) fn judge_read(&self, key: u64, value: &[u8], began: Instant, ended: Instant) -> Verdict {
        let origin = match value::verify(value, key) {
            Ok(Some(origin)) => origin,
            Ok(None) => return Verdict::Foreign,
            Err(wrong) => return Verdict::Wrong(wrong),
        };
        if origin.writer >> NUMBER_BITS != self.tag >> NUMBER_BITS {
            return Verdict::Right;
        }
        match self.freshness(key, origin, began, ended) {
            Freshness::Right => Verdict::Right,
            Freshness::Late => Verdict::Late,
            Freshness::Stale => Verdict::Wrong(WrongValue::Stale { origin }),
        }
    }

    /// Whether a wrong value is the first of the run. All are counted, only the first is logged in detail.
    pub(crate) fn is_first_wrong_value(&self) -> bool {
        !self.wrong_value_logged.swap(true, Relaxed)
    }

    fn freshness(&self, key: u64, origin: WriteId, began: Instant, ended: Instant) -> Freshness {
        let latest = self.latest(key).load(Relaxed);
        if latest == fingerprint(key, origin) || (latest == UNCHANGED && origin == self.warm_up_id()) {
            return Freshness::Right;
        }
        let mut bucket = self.bucket(key);
        let Some(entry) = bucket.iter_mut().find(|entry| entry.key == key) else {
            return Freshness::Right;
        };
        if origin != self.warm_up_id() {
            return entry.history.judge(origin, self.nanos(began), self.nanos(ended));
        }
        let warm = self.warm.load(Relaxed);
        if warm { entry.history.judge_initial(self.nanos(began)) } else { Freshness::Right }
    }

    fn nanos(&self, at: Instant) -> Nanos {
        at.saturating_duration_since(self.epoch).as_nanos() as Nanos
    }

    fn index(&self, key: u64) -> usize {
        (key % self.buckets.len() as u64) as usize
    }

    fn latest(&self, key: u64) -> &AtomicU64 {
        &self.latest[self.index(key)]
    }

    fn bucket(&self, key: u64) -> MutexGuard<'_, Vec<KeyHistory>> {
        self.buckets[self.index(key)].lock()
    }
}

/// No change of the bucket's keys has been acknowledged.
const UNCHANGED: u64 = 0;
/// The history has to be read.
const READ_HISTORY: u64 = 1;

/// A hash of an acknowledged write that was not replaced. It differs from the two constants above. Two writes
/// have the same fingerprint with a probability of 2^-63.
fn fingerprint(key: u64, id: WriteId) -> u64 {
    let word = (id.began ^ key.rotate_left(32)).wrapping_mul(GOLDEN_GAMMA) ^ id.writer;
    (word ^ (word >> 32)).wrapping_mul(MULTIPLIER) | 2
}

fn history_of(bucket: &mut Vec<KeyHistory>, key: u64) -> &mut History {
    let at = bucket.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
        bucket.reserve_exact(1);
        bucket.push(KeyHistory { key, history: History::default() });
        bucket.len() - 1
    });
    &mut bucket[at].history
}

#[cfg(test)]
mod tests;
