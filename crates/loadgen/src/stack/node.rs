//! What all load threads share about one node: its name, its address, and its breaker behind a lock, with the history
//! of the breaker's transitions. The decisions are in `breaker.rs`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use metrics_core::families::client::BreakerView;
use metrics_core::labels::BreakerState;

use crate::stack::breaker::{Breaker, BreakerRules, Permit, Transition};
use crate::stack::deadline::now;

/// One memcached node as the client stack sees it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// `HOST:PORT` that is dialled.
    pub(crate) dial: String,
    breaker: Mutex<Guarded>,
}

#[derive(Debug)]
struct Guarded {
    breaker: Breaker,
    transitions: [[u64; BreakerState::COUNT]; BreakerState::COUNT],
    changed_at: Option<SystemTime>,
}

impl Node {
    pub(crate) fn new(name: String, dial: String, rules: BreakerRules) -> Self {
        let transitions = [[0; BreakerState::COUNT]; BreakerState::COUNT];
        let guarded = Guarded { breaker: Breaker::new(rules, now()), transitions, changed_at: None };
        Self { name, dial, breaker: Mutex::new(guarded) }
    }

    /// Leave to send one request; `None` means the breaker refused it.
    pub(crate) fn admit(&self, now: Instant) -> Option<Admission<'_>> {
        let mut guarded = self.lock();
        let answer = guarded.breaker.admit(now);
        self.note(&mut guarded, answer.transition);
        let permit = answer.value?;
        Some(Admission { node: self, permit: Some(permit) })
    }

    /// The breaker as of now, for the gauges.
    pub(crate) fn view(&self, now: Instant) -> BreakerView {
        let mut guarded = self.lock();
        let answer = guarded.breaker.inspect(now);
        self.note(&mut guarded, answer.transition);
        let (state, counts) = answer.value;
        BreakerView {
            state,
            requests: counts.requests,
            failures: counts.failures,
            consecutive_failures: counts.consecutive_failures,
            changed_at: guarded.changed_at,
            transitions: guarded.transitions,
        }
    }

    fn record(&self, permit: Permit, success: bool, now: Instant) {
        let mut guarded = self.lock();
        let transition = guarded.breaker.record(permit, success, now);
        self.note(&mut guarded, transition);
    }

    fn note(&self, guarded: &mut Guarded, transition: Option<Transition>) {
        if let Some(Transition { from, to }) = transition {
            guarded.transitions[from.index()][to.index()] += 1;
            guarded.changed_at = Some(SystemTime::now());
            tracing::info!(server = self.name, %from, %to, "breaker changed state");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // A panic elsewhere leaves the breaker whole: no call below returns half-way.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A permit that cannot get lost: dropped without a result, its request counts as failed, so that a cancelled probe
/// does not hold the breaker half-open for ever.
#[derive(Debug)]
#[must_use = "a permit that is not recorded counts as a failure"]
pub(crate) struct Admission<'a> {
    node: &'a Node,
    permit: Option<Permit>,
}

impl Admission<'_> {
    pub(crate) fn record(mut self, success: bool, now: Instant) {
        if let Some(permit) = self.permit.take() {
            self.node.record(permit, success, now);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.node.record(permit, false, now());
        }
    }
}
