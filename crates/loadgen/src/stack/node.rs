//! What all load threads share about one node: its name, its address, and its breaker with the history of its
//! transitions. While the breaker is closed, requests and their successes pass its gate without the lock; a failure, the
//! end of a bucket and every other state take it. The decisions are in `breaker.rs`.

use std::time::{Instant, SystemTime};

use metrics_core::Locked;
use metrics_core::families::client::BreakerView;
use metrics_core::labels::BreakerState;

use crate::stack::breaker::{Answer, Breaker, BreakerRules, Permit, Transition};
use crate::stack::deadline::now;
use crate::stack::gate::{Gate, Lane, Told};

/// One memcached node as the client stack sees it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// `HOST:PORT` that is dialled.
    pub(crate) dial: String,
    gate: Gate,
    /// One per load thread.
    lanes: Box<[Lane]>,
    breaker: Locked<Guarded>,
}

#[derive(Debug)]
struct Guarded {
    breaker: Breaker,
    /// One per lane.
    told: Box<[Told]>,
    transitions: [[u64; BreakerState::COUNT]; BreakerState::COUNT],
    changed_at: Option<SystemTime>,
}

impl Node {
    /// For so many load threads; the breaker's window begins at `now`.
    pub(crate) fn new(name: String, dial: String, rules: BreakerRules, threads: usize, now: Instant) -> Self {
        let guarded = Guarded {
            breaker: Breaker::new(rules, now),
            told: vec![Told::default(); threads].into(),
            transitions: [[0; BreakerState::COUNT]; BreakerState::COUNT],
            changed_at: None,
        };
        let gate = Gate::new(now);
        gate.publish(guarded.breaker.standing());
        let lanes = (0..threads).map(|_| Lane::default()).collect();
        Self { name, dial, gate, lanes, breaker: Locked::new(guarded) }
    }

    /// Leave for one request of a load thread; `None` means the breaker refused it.
    #[inline]
    pub(crate) fn admit(&self, thread: usize, now: Instant) -> Option<Admission<'_>> {
        let permit = match self.gate.pass(now, &self.lanes[thread]) {
            Some(permit) => permit,
            None => self.ask(|breaker| breaker.admit(now))?,
        };
        Some(Admission { node: self, thread, permit: Some(permit) })
    }

    /// The breaker as of now, for the gauges.
    pub(crate) fn view(&self, now: Instant) -> BreakerView {
        self.ask_with(|guarded| {
            let answer = guarded.breaker.inspect(now);
            guarded.note(answer.transition);
            let (state, counts) = answer.value;
            let view = BreakerView {
                state,
                requests: counts.requests,
                failures: counts.failures,
                consecutive_failures: counts.consecutive_failures,
                changed_at: guarded.changed_at,
                transitions: guarded.transitions,
            };
            Answer { value: view, transition: answer.transition }
        })
    }

    #[inline]
    fn record(&self, thread: usize, permit: Permit, success: bool, now: Instant) {
        if success && self.gate.succeeded(&permit, &self.lanes[thread]) {
            return;
        }
        self.ask(|breaker| Answer { value: (), transition: breaker.record(permit, success, now) });
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Breaker) -> Answer<T>) -> T {
        self.ask_with(|guarded| {
            let answer = question(&mut guarded.breaker);
            guarded.note(answer.transition);
            answer
        })
    }

    /// Asks under the lock, once the breaker knows what passed without it; logs when the lock is free again.
    fn ask_with<T>(&self, question: impl FnOnce(&mut Guarded) -> Answer<T>) -> T {
        let answer = {
            let mut guarded = self.breaker.lock();
            guarded.absorb(&self.lanes);
            let answer = question(&mut guarded);
            self.gate.publish(guarded.breaker.standing());
            answer
        };
        if let Some(Transition { from, to }) = answer.transition {
            tracing::info!(server = self.name, %from, %to, "breaker changed state");
        }
        answer.value
    }
}

impl Guarded {
    fn absorb(&mut self, lanes: &[Lane]) {
        for (lane, told) in lanes.iter().zip(&mut self.told) {
            let (requests, succeeded) = lane.tell(told);
            self.breaker.absorb(requests, succeeded);
        }
    }

    fn note(&mut self, transition: Option<Transition>) {
        if let Some(Transition { from, to }) = transition {
            self.transitions[from.index()][to.index()] += 1;
            self.changed_at = Some(SystemTime::now());
        }
    }
}

/// A permit that cannot get lost: dropped without a result, its request counts as failed, so that a cancelled probe
/// does not hold the breaker half-open for ever.
#[derive(Debug)]
#[must_use = "a permit that is not recorded counts as a failure"]
pub(crate) struct Admission<'a> {
    node: &'a Node,
    thread: usize,
    permit: Option<Permit>,
}

impl Admission<'_> {
    /// The request was never sent.
    pub(crate) fn forget(mut self, now: Instant) {
        if let Some(permit) = self.permit.take() {
            self.node.ask(|breaker| Answer { value: (), transition: breaker.forget(permit, now) });
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
