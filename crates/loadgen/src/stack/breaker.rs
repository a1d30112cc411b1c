//! The circuit breaker as a pure state machine: time comes in as an argument. No clock, lock or socket here; the
//! shared form is in `node.rs`.
//!
//! Semantics of sony/gobreaker v2. Closed: results are counted over a rolling window of buckets, each result in the
//! bucket its request was admitted in; a failure that meets a trip rule opens. Open: everything is refused for
//! `open_timeout`, then half-open. Half-open: at most `half_open_requests` are let through; as many successes in a
//! row close it, one failure opens it. Each change of state starts a new generation, and a result that belongs to
//! an older generation is ignored.

use std::time::{Duration, Instant};

use metrics_core::labels::BreakerState;

use crate::stack::window::{BucketNumber, Counts, Window};

/// When to trip and how to heal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BreakerRules {
    pub(crate) half_open_requests: u64,
    pub(crate) interval: Duration,
    pub(crate) bucket_period: Duration,
    pub(crate) open_timeout: Duration,
    pub(crate) consecutive_failures: u64,
    pub(crate) failure_ratio: f64,
    pub(crate) min_requests: u64,
}

impl BreakerRules {
    fn trips(&self, counts: &Counts) -> bool {
        counts.consecutive_failures >= self.consecutive_failures
            || (counts.requests >= self.min_requests
                && counts.failures as f64 / counts.requests as f64 >= self.failure_ratio)
    }

    /// Buckets of the window: the interval rounded up to whole bucket periods.
    fn buckets(&self) -> usize {
        let count = self.interval.as_nanos().div_ceil(self.bucket_period.as_nanos().max(1));
        usize::try_from(count).unwrap_or(usize::MAX).clamp(1, MAX_BUCKETS)
    }
}

/// Bound on the memory of one window, far above any useful resolution.
const MAX_BUCKETS: usize = 10_000;

/// Leave to send one request, to be handed back with its result.
#[must_use = "a permit that is not recorded leaves its request without a result"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    pub(crate) generation: u64,
    pub(crate) bucket: BucketNumber,
}

/// What everybody is granted while the breaker is closed, up to the end of the current bucket.
#[derive(Debug)]
pub(crate) struct SharedPermit {
    pub(crate) permit: Permit,
    pub(crate) until: Instant,
}

/// A change of state, for whoever counts and timestamps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

/// What a breaker is asked and what changed because it was asked.
#[derive(Debug)]
pub(crate) struct Decision<T> {
    pub(crate) value: T,
    pub(crate) transition: Option<Transition>,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    rules: BreakerRules,
    state: BreakerState,
    generation: u64,
    since: Instant,
    window: Window,
    successes_in_a_row: u64,
}

impl Breaker {
    pub(crate) fn new(rules: BreakerRules, now: Instant) -> Self {
        let window = Window::new(rules.buckets(), rules.bucket_period, now);
        Self { rules, state: BreakerState::Closed, generation: 0, since: now, window, successes_in_a_row: 0 }
    }

    /// Whether a request may go out now; `None` means refused.
    pub(crate) fn admit(&mut self, now: Instant) -> Decision<Option<Permit>> {
        let transition = self.advance(now);
        let refused = match self.state {
            BreakerState::Closed => false,
            BreakerState::HalfOpen => self.window.totals().requests >= self.rules.half_open_requests,
            BreakerState::Open => true,
        };
        let value =
            (!refused).then(|| Permit { generation: self.generation, bucket: self.window.add_requests(1) });
        Decision { value, transition }
    }

    /// The result of the request the permit was given for.
    pub(crate) fn record(&mut self, permit: Permit, success: bool, now: Instant) -> Option<Transition> {
        let healed = self.advance(now);
        if permit.generation != self.generation {
            return healed;
        }
        self.window.add_result(permit.bucket, success);
        self.successes_in_a_row = if success { self.successes_in_a_row + 1 } else { 0 };
        match (self.state, success) {
            (BreakerState::Closed, false) if self.rules.trips(&self.window.totals()) => {
                Some(self.enter(BreakerState::Open, now))
            }
            (BreakerState::HalfOpen, false) => Some(self.enter(BreakerState::Open, now)),
            (BreakerState::HalfOpen, true) if self.successes_in_a_row >= self.rules.half_open_requests => {
                Some(self.enter(BreakerState::Closed, now))
            }
            (BreakerState::Closed | BreakerState::HalfOpen | BreakerState::Open, _) => healed,
        }
    }

    /// The request the permit was given for was never sent: it says nothing of the node and thins out no failures of
    /// others. A probe counts as failed all the same, as a half-open breaker waits for the result of each.
    pub(crate) fn forget(&mut self, permit: Permit, now: Instant) -> Option<Transition> {
        let transition = self.advance(now);
        if permit.generation != self.generation {
            return transition;
        }
        if self.state == BreakerState::HalfOpen {
            return self.record(permit, false, now);
        }
        self.window.remove_request(permit.bucket);
        transition
    }

    /// Leave that needs no question, where there is any; [`absorb`](Self::absorb) wants to know of it.
    pub(crate) fn shared_permit(&self) -> Option<SharedPermit> {
        let (bucket, until) = self.window.current_bucket();
        let permit = Permit { generation: self.generation, bucket };
        (self.state == BreakerState::Closed).then_some(SharedPermit { permit, until })
    }

    /// So many requests went out by the standing leave since the last call, and whether any by it succeeded. To be told
    /// before anything else is asked: they belong to the bucket and the run of failures as they are.
    pub(crate) fn absorb(&mut self, requests: u64, succeeded: bool) {
        if self.state == BreakerState::Closed {
            self.window.add_requests(requests);
            if succeeded {
                self.window.end_failure_run();
            }
        }
    }

    /// State and counts as of now. Like any other question, it lets an elapsed open timeout take effect.
    pub(crate) fn inspect(&mut self, now: Instant) -> Decision<(BreakerState, Counts)> {
        let transition = self.advance(now);
        Decision { value: (self.state, self.window.totals()), transition }
    }

    fn advance(&mut self, now: Instant) -> Option<Transition> {
        match self.state {
            BreakerState::Closed => {
                self.window.roll(now);
                None
            }
            BreakerState::Open if now.saturating_duration_since(self.since) > self.rules.open_timeout => {
                Some(self.enter(BreakerState::HalfOpen, now))
            }
            BreakerState::Open | BreakerState::HalfOpen => None,
        }
    }

    fn enter(&mut self, to: BreakerState, now: Instant) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.generation += 1;
        self.since = now;
        self.successes_in_a_row = 0;
        self.window.clear(now);
        Transition { from, to }
    }
}

#[cfg(test)]
pub(super) mod tests;
