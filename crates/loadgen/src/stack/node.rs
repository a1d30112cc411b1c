//! A node as all load threads share it: name, address, and the breaker with its counted transitions. While the breaker is
//! closed, requests and successes pass its gate without the lock. Failures, the end of a bucket, and all other states take
//! the lock. The decisions are in `breaker.rs`.

use std::time::{Instant, SystemTime};

use metrics_core::Locked;
use metrics_core::families::client::BreakerView;
use metrics_core::labels::BreakerState;

use crate::stack::breaker::{Breaker, BreakerRules, Decision, Permit, Transition};
use crate::stack::deadline::now;
use crate::stack::gate::{Gate, Lane, LaneCounts};
use crate::stack::notice::Notices;

/// One memcached node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// The `HOST:PORT` to connect to.
    pub(crate) dial: String,
    /// What is logged once for each node.
    pub(crate) notices: Notices,
    gate: Gate,
    /// One per load thread.
    lanes: Box<[Lane]>,
    breaker: Locked<GuardedBreaker>,
}

#[derive(Debug)]
struct GuardedBreaker {
    breaker: Breaker,
    /// One per lane: the counts that the breaker has.
    absorbed: Box<[LaneCounts]>,
    transitions: [[u64; BreakerState::COUNT]; BreakerState::COUNT],
    changed_at: Option<SystemTime>,
}

impl Node {
    /// A node for this number of load threads. The breaker's window begins at `now`.
    pub(crate) fn new(name: String, dial: String, rules: BreakerRules, threads: usize, now: Instant) -> Self {
        let guarded = GuardedBreaker {
            breaker: Breaker::new(rules, now),
            absorbed: vec![LaneCounts::default(); threads].into(),
            transitions: [[0; BreakerState::COUNT]; BreakerState::COUNT],
            changed_at: None,
        };
        let gate = Gate::new(now);
        gate.publish(guarded.breaker.shared_permit());
        let lanes = (0..threads).map(|_| Lane::default()).collect();
        Self { name, dial, notices: Notices::default(), gate, lanes, breaker: Locked::new(guarded) }
    }

    /// Admits one request of a load thread. `None` means that the breaker refused it.
    #[inline]
    pub(crate) fn admit(&self, thread: usize, now: Instant) -> Option<Admission<'_>> {
        let permit = match self.gate.try_pass(now, &self.lanes[thread]) {
            Some(permit) => permit,
            None => self.with_breaker(|breaker| breaker.admit(now))?,
        };
        Some(Admission { node: self, thread, permit: Some(permit) })
    }

    /// The breaker at `now`, for the gauges.
    pub(crate) fn view(&self, now: Instant) -> BreakerView {
        self.with_guarded(|guarded| {
            let decision = guarded.breaker.inspect(now);
            guarded.note_transition(decision.transition);
            let (state, counts) = decision.value;
            let view = BreakerView {
                state,
                requests: counts.requests,
                failures: counts.failures,
                consecutive_failures: counts.consecutive_failures,
                changed_at: guarded.changed_at,
                transitions: guarded.transitions,
            };
            Decision { value: view, transition: decision.transition }
        })
    }

    #[inline]
    fn record(&self, thread: usize, permit: Permit, success: bool, now: Instant) {
        if success && self.gate.count_success(&permit, &self.lanes[thread]) {
            return;
        }
        self.with_breaker(|breaker| Decision { value: (), transition: breaker.record(permit, success, now) });
    }

    fn with_breaker<T>(&self, question: impl FnOnce(&mut Breaker) -> Decision<T>) -> T {
        self.with_guarded(|guarded| {
            let decision = question(&mut guarded.breaker);
            guarded.note_transition(decision.transition);
            decision
        })
    }

    /// Calls `question` under the lock, after the breaker has added the counts of the lanes. Logs after the lock is released.
    fn with_guarded<T>(&self, question: impl FnOnce(&mut GuardedBreaker) -> Decision<T>) -> T {
        let decision = {
            let mut guarded = self.breaker.lock();
            guarded.absorb(&self.lanes);
            let decision = question(&mut guarded);
            self.gate.publish(guarded.breaker.shared_permit());
            decision
        };
        if let Some(Transition { from, to }) = decision.transition {
            tracing::info!(server = self.name, %from, %to, "breaker changed state");
        }
        decision.value
    }
}

impl GuardedBreaker {
    fn absorb(&mut self, lanes: &[Lane]) {
        for (lane, absorbed) in lanes.iter().zip(&mut self.absorbed) {
            let (requests, succeeded) = lane.take_new(absorbed);
            self.breaker.absorb(requests, succeeded);
        }
    }

    fn note_transition(&mut self, transition: Option<Transition>) {
        if let Some(Transition { from, to }) = transition {
            self.transitions[from.index()][to.index()] += 1;
            self.changed_at = Some(SystemTime::now());
        }
    }
}

/// A permit that is always returned. If it is dropped without a result, its request counts as failed. So a cancelled probe
/// does not keep the breaker half-open for ever.
#[derive(Debug)]
#[must_use = "a permit that is not recorded counts as a failure"]
pub(crate) struct Admission<'a> {
    node: &'a Node,
    thread: usize,
    permit: Option<Permit>,
}

impl Admission<'_> {
    /// The request was not sent.
    pub(crate) fn forget(mut self, now: Instant) {
        if let Some(permit) = self.permit.take() {
            self.node.with_breaker(|breaker| Decision { value: (), transition: breaker.forget(permit, now) });
        }
    }

    pub(crate) fn record(mut self, success: bool, now: Instant) {
        if let Some(permit) = self.permit.take() {
            self.node.record(self.thread, permit, success, now);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.node.record(self.thread, permit, false, now());
        }
    }
}

#[cfg(test)]
mod tests;
