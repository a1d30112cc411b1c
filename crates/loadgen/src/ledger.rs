//! Who wrote what to which item, shared by all threads of a run, and so whether a value that is read may be there.
//! Keeps the clock and the locks around the history of each key; what is stale or late is decided in `history`.
//!
//! Writers carry a tag of their process. Values of another process are right: an earlier run's clock and
//! acknowledgements are not known here, and another run beside this one replaces values as it likes. With failover to
//! the next node, stale values are to be expected: a write went to a node that is not asked any more.

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use metrics_core::Locked;

use crate::history::{Freshness, History, Nanos, WriteId};
use crate::mix::{GOLDEN_GAMMA, MULTIPLIER};
use crate::value::{self, Verdict, WrongValue};

/// Bits of a writer's number; the rest is the process' tag.
const NUMBER_BITS: u32 = 24;

/// The number of whoever stores the first values. Workers count from 1.
const WARMER: u64 = 0;

/// So many keys have a bucket of their own; more share them.
const MAX_BUCKETS: u64 = 1 << 20;

/// What became of a write that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    Acknowledged,
    /// It left, and nobody knows what it did or will do.
    Unknown,
    /// It never left, or memcached refused it.
    NoEffect,
}

/// One source of writes, which does one after the other.
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
    /// What most reads find, by bucket, so that they take no lock; written under the bucket's.
    latest: Box<[AtomicU64]>,
    /// All first values were acknowledged.
    warm: AtomicBool,
    wrong_value_logged: AtomicBool,
}

impl WriteLedger {
    /// For items below `keys`. The tag is this process' alone, by chance; a run's seed is not, equal seeds are equal.
    pub(crate) fn new(keys: u64, tag: u64, epoch: Instant) -> Self {
        let buckets = keys.clamp(1, MAX_BUCKETS);
        Self {
            epoch,
            tag: tag << NUMBER_BITS,
            buckets: (0..buckets).map(|_| Locked::default()).collect(),
            latest: (0..buckets).map(|_| AtomicU64::new(UNTOUCHED)).collect(),
            warm: AtomicBool::new(false),
            wrong_value_logged: AtomicBool::new(false),
        }
    }

    pub(crate) fn writer(&self, number: u64) -> Writer {
        Writer { id: self.tag | number, last: 0 }
    }

    /// Under which name the first values are stored. They count as acknowledged before all else once [`warmed`](Self::warmed).
    pub(crate) fn warm_up_id(&self) -> WriteId {
        WriteId { writer: self.tag | WARMER, began: 0 }
    }

    pub(crate) fn set_warm(&self) {
        self.warm.store(true, Relaxed);
    }

    /// A write is about to be sent: the name its value carries.
    pub(crate) fn begin_write(&self, writer: &mut Writer, key: u64, at: Instant) -> WriteId {
        // Two writes at one instant of a coarse clock are still two.
        writer.last = self.nanos(at).max(writer.last + 1);
        let id = WriteId { writer: writer.id, began: writer.last };
        history_of(&mut self.bucket(key), key).begin(id);
        id
    }

    /// What became of a write.
    pub(crate) fn end_write(&self, key: u64, id: WriteId, outcome: WriteOutcome, ended: Instant) {
        let ended = self.nanos(ended);
        let mut bucket = self.bucket(key);
        let history = history_of(&mut bucket, key);
        match outcome {
            WriteOutcome::Acknowledged => {
                history.acknowledge(id, ended);
                let seen = if history.is_current(id) { fingerprint(key, id) } else { ASK };
                self.latest(key).store(seen, Relaxed);
            }
            WriteOutcome::Unknown => history.give_up(id),
            WriteOutcome::NoEffect => history.forget(id),
        }
    }

    /// A deletion was acknowledged. One that was not leaves no trace: it can do no more than cause a miss.
    pub(crate) fn record_deletion(&self, key: u64, began: Instant, ended: Instant) {
        let (began, ended) = (self.nanos(began), self.nanos(ended));
        let mut bucket = self.bucket(key);
        history_of(&mut bucket, key).record_deletion(began, ended);
        self.latest(key).store(ASK, Relaxed);
    }

    /// Judges what a read of a key returned.
    pub(crate) fn judge_read(&self, key: u64, value: &[u8], began: Instant, ended: Instant) -> Verdict {
        let origin = match value::verify(value, key) {
            Ok(origin) => origin,
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

    /// Whether a wrong value is the first of the run: each is counted, one is told.
    pub(crate) fn is_first_wrong_value(&self) -> bool {
        !self.wrong_value_logged.swap(true, Relaxed)
    }

    fn freshness(&self, key: u64, origin: WriteId, began: Instant, ended: Instant) -> Freshness {
        let latest = self.latest(key).load(Relaxed);
        if latest == fingerprint(key, origin) || (latest == UNTOUCHED && origin == self.warm_up_id()) {
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

/// No change of the bucket's keys was acknowledged yet.
const UNTOUCHED: u64 = 0;
/// Only the history can tell.
const ASK: u64 = 1;

/// One word for an acknowledged write that nothing has replaced: neither of the two above, and another write's by a
/// chance of one in 2^63.
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
