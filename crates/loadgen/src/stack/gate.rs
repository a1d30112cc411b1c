//! Lets requests pass a closed breaker without its lock. The breaker publishes a permit that all threads may use, and each
//! thread counts its requests in its own lane. Atomics only; nothing is decided here.
//!
//! The breaker decides at each failure, at the end of each bucket and at each scrape. Before that it adds up the lanes. So
//! its decisions are the same as if it had counted every request itself, with one exception: requests that pass while
//! another thread holds the lock may count in the next bucket.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Instant;

use metrics_core::{SingleWriterCounter, whole_nanos};

use crate::stack::breaker::{Permit, SharedPermit};
use crate::stack::window::BucketNumber;

/// No permit is published: every request must ask the breaker.
const NO_PERMIT: u64 = 0;
const BUCKET_BITS: u32 = 31;

/// The published permit, packed into one word, and its end.
#[derive(Debug)]
pub(crate) struct Gate {
    epoch: Instant,
    packed: AtomicU64,
    /// Nanoseconds since the epoch.
    until: AtomicU64,
}

/// The counts of one thread. The alignment gives them cache lines of their own, in pairs as the prefetcher loads them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Lane {
    requests: SingleWriterCounter,
    successes: SingleWriterCounter,
}

/// The counts of a lane that the breaker has already added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaneCounts {
    requests: u64,
    successes: u64,
}

impl Gate {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self { epoch, packed: AtomicU64::new(NO_PERMIT), until: AtomicU64::new(0) }
    }

    /// The caller must hold the breaker's lock.
    pub(crate) fn publish(&self, shared: Option<SharedPermit>) {
        let packed = shared.as_ref().map_or(NO_PERMIT, |shared| pack(&shared.permit));
        if let Some(shared) = shared {
            self.until.store(self.nanos(shared.until), Relaxed);
        }
        self.packed.store(packed, Release);
    }

    /// Takes the published permit, if there is one, and counts the request in the lane.
    #[inline]
    pub(crate) fn try_pass(&self, now: Instant, lane: &Lane) -> Option<Permit> {
        let packed = self.packed.load(Acquire);
        if packed == NO_PERMIT || self.nanos(now) >= self.until.load(Relaxed) {
            return None;
        }
        lane.requests.inc();
        Some(unpack(packed))
    }

    /// Counts a success if its permit is still the published one. Otherwise the caller must record it with the breaker.
    #[inline]
    pub(crate) fn count_success(&self, permit: &Permit, lane: &Lane) -> bool {
        let packed = self.packed.load(Acquire);
        let is_current = packed != NO_PERMIT && packed == pack(permit);
        if is_current {
            lane.successes.inc();
        }
        is_current
    }

    fn nanos(&self, at: Instant) -> u64 {
        whole_nanos(at.saturating_duration_since(self.epoch))
    }
}

impl Lane {
    /// The number of requests since the last call, and whether any succeeded.
    pub(crate) fn take_new(&self, absorbed: &mut LaneCounts) -> (u64, bool) {
        let now = LaneCounts { requests: self.requests.get(), successes: self.successes.get() };
        let before = std::mem::replace(absorbed, now);
        (now.requests.wrapping_sub(before.requests), now.successes != before.successes)
    }
}

/// A permit that does not fit into the word is not published.
#[inline]
fn pack(permit: &Permit) -> u64 {
    let (generation, BucketNumber(bucket)) = (permit.generation, permit.bucket);
    if generation >> (u64::BITS - BUCKET_BITS - 1) != 0 || bucket >> BUCKET_BITS != 0 {
        return NO_PERMIT;
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

    use super::{NO_PERMIT, Permit, pack, unpack};
    use crate::stack::window::BucketNumber;

    proptest! {
        /// A packed permit unpacks to the same permit, or is not published.
        #[test]
        fn a_permit_survives_packing(generation in 0..1u64 << 33, bucket in 0..1u64 << 33) {
            let permit = Permit { generation, bucket: BucketNumber(bucket) };
            match pack(&permit) {
                NO_PERMIT => prop_assert!(generation >= 1 << 32 || bucket >= 1 << 31),
                packed => prop_assert_eq!(unpack(packed), permit),
            }
        }
    }
}
