//! The way through a closed breaker without its lock: what it grants, published for all threads to read, and one lane of
//! counts per thread, read by whoever holds the lock next. Atomics only; nothing is decided here.
//!
//! Requests and successes are counted where they happen and absorbed to the breaker before it decides anything, which it
//! does at each failure, at the end of each bucket and at each scrape. So it decides as if it had been asked every time,
//! but for requests that pass while another thread holds the lock: those may count in the next bucket.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Instant;

use metrics_core::{SingleWriterCounter, whole_nanos};

use crate::stack::breaker::{Permit, SharedPermit};
use crate::stack::window::BucketNumber;

/// Nothing is granted without a question.
const SHUT: u64 = 0;
const BUCKET_BITS: u32 = 31;

/// A shared packed, in one word and a time.
#[derive(Debug)]
pub(crate) struct Gate {
    epoch: Instant,
    packed: AtomicU64,
    /// Nanoseconds since the epoch.
    until: AtomicU64,
}

/// What one thread counts. On cache lines of its own, and the prefetcher takes them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Lane {
    requests: SingleWriterCounter,
    successes: SingleWriterCounter,
}

/// How much of a lane the breaker has been absorbed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaneCounts {
    requests: u64,
    successes: u64,
}

impl Gate {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self { epoch, packed: AtomicU64::new(SHUT), until: AtomicU64::new(0) }
    }

    /// Called by whoever holds the breaker's lock.
    pub(crate) fn publish(&self, shared: Option<SharedPermit>) {
        let packed = shared.as_ref().map_or(SHUT, |shared| pack(&shared.permit));
        if let Some(shared) = shared {
            self.until.store(self.nanos(shared.until), Relaxed);
        }
        self.packed.store(packed, Release);
    }

    /// A permit that needs no question, counted in the lane.
    #[inline]
    pub(crate) fn try_pass(&self, now: Instant, lane: &Lane) -> Option<Permit> {
        let packed = self.packed.load(Acquire);
        if packed == SHUT || self.nanos(now) >= self.until.load(Relaxed) {
            return None;
        }
        lane.requests.inc();
        Some(unpack(packed))
    }

    /// Takes note of a success, unless the breaker has to be absorbed of it at once.
    #[inline]
    pub(crate) fn count_success(&self, permit: &Permit, lane: &Lane) -> bool {
        let packed = self.packed.load(Acquire);
        let stands = packed != SHUT && packed == pack(permit);
        if stands {
            lane.successes.inc();
        }
        stands
    }

    fn nanos(&self, at: Instant) -> u64 {
        whole_nanos(at.saturating_duration_since(self.epoch))
    }
}

impl Lane {
    /// Requests since the last time, and whether any succeeded.
    pub(crate) fn take_new(&self, absorbed: &mut LaneCounts) -> (u64, bool) {
        let now = LaneCounts { requests: self.requests.get(), successes: self.successes.get() };
        let before = std::mem::replace(absorbed, now);
        (now.requests.wrapping_sub(before.requests), now.successes != before.successes)
    }
}

/// What does not fit is not granted without a question.
#[inline]
fn pack(permit: &Permit) -> u64 {
    let (generation, BucketNumber(bucket)) = (permit.generation, permit.bucket);
    if generation >> (u64::BITS - BUCKET_BITS - 1) != 0 || bucket >> BUCKET_BITS != 0 {
        return SHUT;
    }
    generation << (BUCKET_BITS + 1) | bucket << 1 | 1
}

#[inline]
fn unpack(packed: u64) -> Permit {
    Permit {
        generation: packed >> (BUCKET_BITS + 1),
        bucket: BucketNumber((packed >> 1) & ((1 << BUCKET_BITS) - 1)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Permit, SHUT, pack, unpack};
    use crate::stack::window::BucketNumber;

    proptest! {
        /// A packed is the permit it was made of, or none.
        #[test]
        fn a_leave_is_its_permit(generation in 0..1u64 << 33, bucket in 0..1u64 << 33) {
            let permit = Permit { generation, bucket: BucketNumber(bucket) };
            match pack(&permit) {
                SHUT => prop_assert!(generation >= 1 << 32 || bucket >= 1 << 31),
                packed => prop_assert_eq!(unpack(packed), permit),
            }
        }
    }
}
