//! Which requests a rule catches, what happens to them, and how a test follows and releases them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::request::Request;
use crate::wait::eventually;

/// What happens to a request that a rule catches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Passed on at once; its answer waits for [`Trap::release`]. The change is made, and the caller does not know.
    HoldAnswer,
    /// Waits for [`Trap::release`] before it is passed on.
    HoldRequest,
    /// Not passed on, answered with this status.
    Refuse(u16),
    /// Passed on, but answered with this status.
    Misreport(u16),
    /// Passed on, then the connection is closed without an answer.
    Hangup,
    /// Passed on after this time.
    Slow(Duration),
    /// From this request on no request of any kind is answered until [`Trap::release`], as when the server holds its lock.
    Wedge,
}

/// Which requests are caught.
#[derive(Debug, Clone)]
pub struct Rule {
    method: String,
    path: String,
    nth: Option<Nth>,
}

#[derive(Debug, Clone, Copy)]
enum Nth {
    Only(usize),
    From(usize),
}

impl Rule {
    /// Every request of this method whose path contains `path`.
    pub fn on(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), nth: None }
    }

    /// Only the n-th of them, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.nth = Some(Nth::Only(n));
        self
    }

    /// The n-th of them and all later ones, counted from 1.
    #[must_use]
    pub fn from(mut self, n: usize) -> Self {
        self.nth = Some(Nth::From(n));
        self
    }
}

/// A rule in force.
#[derive(Clone)]
pub struct Trap(Arc<TrapInner>);

struct TrapInner {
    rule: Rule,
    misbehaviour: Misbehaviour,
    state: Mutex<TrapState>,
    changed: Condvar,
}

#[derive(Default)]
struct TrapState {
    matched: usize,
    caught: usize,
    released: bool,
}

impl Trap {
    pub(super) fn new(rule: Rule, misbehaviour: Misbehaviour) -> Self {
        Self(Arc::new(TrapInner { rule, misbehaviour, state: Mutex::default(), changed: Condvar::new() }))
    }

    pub(super) fn misbehaviour(&self) -> Misbehaviour {
        self.0.misbehaviour
    }

    /// How many requests were caught. One whose answer is held counts once the real Toxiproxy has answered it.
    pub fn caught(&self) -> usize {
        self.state().caught
    }

    /// Waits until a request was caught.
    #[track_caller]
    pub fn wait_caught(&self, deadline: Duration) {
        let rule = &self.0.rule;
        eventually(&format!("a {} of {}", rule.method, rule.path), deadline, || self.caught() > 0);
    }

    /// Lets the held requests go. The rule holds none after that.
    pub fn release(&self) {
        self.state().released = true;
        self.0.changed.notify_all();
    }

    /// Whether the rule catches this request. Counts it if it is of the rule's kind.
    pub(super) fn matches(&self, request: &Request) -> bool {
        let rule = &self.0.rule;
        if self.is_wedged() {
            return true;
        }
        if rule.method != request.method || !request.path.contains(&rule.path) {
            return false;
        }
        let mut state = self.state();
        state.matched += 1;
        match rule.nth {
            None => true,
            Some(Nth::Only(nth)) => nth == state.matched,
            Some(Nth::From(nth)) => nth <= state.matched,
        }
    }

    /// Whether it holds the lock that every request needs.
    fn is_wedged(&self) -> bool {
        let state = self.state();
        self.0.misbehaviour == Misbehaviour::Wedge && state.caught > 0 && !state.released
    }

    pub(super) fn catch(&self) {
        self.state().caught += 1;
    }

    pub(super) fn catch_until_release(&self) {
        let mut state = self.state();
        state.caught += 1;
        drop(self.0.changed.wait_while(state, |state| !state.released));
    }

    /// Waits for this time, or until the release.
    pub(super) fn wait_released(&self, time: Duration) {
        drop(self.0.changed.wait_timeout_while(self.state(), time, |state| !state.released));
    }

    fn state(&self) -> MutexGuard<'_, TrapState> {
        self.0.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}
