//! The way through a closed breaker without its lock: what it grants, published for all threads to read, and one lane of
//! counts per thread, read by whoever holds the lock next. Atomics only; nothing is decided here.
//!
//! Requests and successes are counted where they happen and told to the breaker before it decides anything, which it
//! does at each failure, at the end of each bucket and at each scrape. So it decides as if it had been asked every time,
//! but for requests that pass while another thread holds the lock: those may count in the next bucket.

use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Instant;

use crate::stack::breaker::{Permit, Standing};
use crate::stack::window::Age;

/// Nothing is granted without a question.
const SHUT: u64 = 0;
const AGE_BITS: u32 = 31;

/// A standing leave, in one word and a time.
#[derive(Debug)]
pub(crate) struct Gate {
    epoch: Instant,
    leave: AtomicU64,
    /// Nanoseconds since the epoch.
    until: AtomicU64,
}

/// What one thread counts. On cache lines of its own, and the prefetcher takes them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Lane {
    requests: AtomicU64,
    successes: AtomicU64,
}

/// How much of a lane the breaker has been told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    requests: u64,
    successes: u64,
}

impl Gate {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self { epoch, leave: AtomicU64::new(SHUT), until: AtomicU64::new(0) }
    }

    /// Called by whoever holds the breaker's lock.
    pub(crate) fn publish(&self, standing: Option<Standing>) {
        let leave = standing.as_ref().map_or(SHUT, |standing| pack(&standing.permit));
        if let Some(standing) = standing {
            self.until.store(self.nanos(standing.until), Relaxed);
        }
        self.leave.store(leave, Release);
    }

    /// A permit that needs no question, counted in the lane.
    #[inline]
    pub(crate) fn pass(&self, now: Instant, lane: &Lane) -> Option<Permit> {
        let leave = self.leave.load(Acquire);
        if leave == SHUT || self.nanos(now) >= self.until.load(Relaxed) {
            return None;
        }
        step(&lane.requests);
        Some(unpack(leave))
    }

    /// Takes note of a success, unless the breaker has to be told of it at once.
    #[inline]
    pub(crate) fn succeeded(&self, permit: &Permit, lane: &Lane) -> bool {
        let leave = self.leave.load(Acquire);
        let stands = leave != SHUT && leave == pack(permit);
        if stands {
            step(&lane.successes);
        }
        stands
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.epoch);
        since.as_secs().saturating_mul(1_000_000_000).saturating_add(since.subsec_nanos().into())
    }
}

impl Lane {
    /// Requests since the last time, and whether any succeeded.
    pub(crate) fn tell(&self, told: &mut Told) -> (u64, bool) {
        let now = Told { requests: self.requests.load(Relaxed), successes: self.successes.load(Relaxed) };
        let before = std::mem::replace(told, now);
        (now.requests.wrapping_sub(before.requests), now.successes != before.successes)
    }
}

/// One writer, so load and store are enough and cost no locked instruction.
#[inline]
fn step(count: &AtomicU64) {
    count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
}

/// What does not fit is not granted without a question.
#[inline]
fn pack(permit: &Permit) -> u64 {
    let (generation, Age(age)) = (permit.generation, permit.age);
    if generation >> (u64::BITS - AGE_BITS - 1) != 0 || age >> AGE_BITS != 0 {
        return SHUT;
    }
    generation << (AGE_BITS + 1) | age << 1 | 1
}

#[inline]
fn unpack(leave: u64) -> Permit {
    Permit { generation: leave >> (AGE_BITS + 1), age: Age((leave >> 1) & ((1 << AGE_BITS) - 1)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Permit, SHUT, pack, unpack};
    use crate::stack::window::Age;

    proptest! {
        /// A leave is the permit it was made of, or none.
        #[test]
        fn a_leave_is_its_permit(generation in 0..1u64 << 33, age in 0..1u64 << 33) {
            let permit = Permit { generation, age: Age(age) };
            match pack(&permit) {
                SHUT => prop_assert!(generation >= 1 << 32 || age >= 1 << 31),
                leave => prop_assert_eq!(unpack(leave), permit),
            }
        }
    }
}
