//! The circuit breaker as a pure state machine: time is an argument. There is no clock, lock or socket here; `node.rs` shares
//! the breaker between threads.
//!
//! The semantics are those of sony/gobreaker v2. Closed: results are counted over a rolling window of buckets, each result
//! in the bucket in which its request was admitted. A failure that meets a trip rule opens the breaker. Open: all requests
//! are refused for `open_timeout`, then the breaker is half-open. Half-open: at most `half_open_requests` requests are
//! admitted. The same number of consecutive successes closes the breaker, one failure opens it. Each state change starts a
//! new generation. A result of an older generation is ignored.

use std::time::{Duration, Instant};

use metrics_core::labels::BreakerState;

use crate::stack::window::{BucketNumber, Counts, Window};

/// When the breaker opens and closes.
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

    /// The number of buckets in the window: the interval, rounded up to whole bucket periods.
    fn buckets(&self) -> usize {
        let count = self.interval.as_nanos().div_ceil(self.bucket_period.as_nanos().max(1));
        usize::try_from(count).unwrap_or(usize::MAX).clamp(1, MAX_BUCKETS)
    }
}

/// Limits the memory of one window. No useful resolution needs this many buckets.
const MAX_BUCKETS: usize = 10_000;

/// Permission to send one request. It is returned with the result.
#[must_use = "a permit that is not recorded leaves its request without a result"]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Permit {
    pub(crate) generation: u64,
    pub(crate) bucket: BucketNumber,
}

/// A permit for all requests while the breaker is closed, until the end of the current bucket.
#[derive(Debug)]
pub(crate) struct SharedPermit {
    pub(crate) permit: Permit,
    pub(crate) until: Instant,
}

/// A state change. The caller counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: BreakerState,
    pub(crate) to: BreakerState,
}

/// The answer of the breaker, and the state change that the call caused.
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

    /// Whether a request may be sent now. `None` means that it is refused.
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

    /// Records the result of the permit's request.
    pub(crate) fn record(&mut self, permit: Permit, success: bool, now: Instant) -> Option<Transition> {
        let advanced = self.advance(now);
        if permit.generation != self.generation {
            return advanced;
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
            (BreakerState::Closed | BreakerState::HalfOpen | BreakerState::Open, _) => advanced,
        }
    }

    /// The permit's request was never sent, so it does not count in the failure ratio. A probe counts as failed even so,
    /// because a half-open breaker waits for the result of each probe.
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

    /// The permit for all requests, if there is one. Its use must be reported with [`absorb`](Self::absorb).
    pub(crate) fn shared_permit(&self) -> Option<SharedPermit> {
        let (bucket, until) = self.window.current_bucket();
        let permit = Permit { generation: self.generation, bucket };
        (self.state == BreakerState::Closed).then_some(SharedPermit { permit, until })
    }

    /// Adds the requests that used the shared permit since the last call, and whether any of them succeeded. Must be called
    /// before any other method, because these requests belong to the current bucket and the current run of failures.
    pub(crate) fn absorb(&mut self, requests: u64, succeeded: bool) {
        if self.state == BreakerState::Closed {
            self.window.add_requests(requests);
            if succeeded {
                self.window.end_failure_run();
            }
        }
    }

    /// State and counts at `now`. As every call, it makes an open breaker half-open after its timeout.
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
