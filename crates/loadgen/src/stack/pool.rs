//! Connections to one node, for the workers of one load thread: limits and counts. `attempt.rs` decides how long to wait for a
//! connection and what a failure means.
//!
//! If a thread has at least as many connections as workers, each worker keeps the connection that it used last. Otherwise
//! the workers share the connections and take one for each operation.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_core::SingleWriterCounter;
use metrics_core::families::client::PoolView;
use metrics_core::labels::CloseReason;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::exchange_log::ExchangeLog;
use crate::recorder::{Event, Recorder};
use crate::stack::conn::Connection;

/// Part `index` of `whole` when it is split into `parts`. The parts differ by at most one and add up to `whole`.
pub(crate) fn split_evenly(whole: usize, parts: usize, index: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
}

/// The number of open connections of one thread to one node. Only that thread writes them; the scrape reads them.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct PoolCounts {
    total: SingleWriterCounter,
    active: SingleWriterCounter,
    made: SingleWriterCounter,
}

impl PoolCounts {
    pub(crate) fn view(&self) -> PoolView {
        let active = self.active.get();
        PoolView { total: self.total.get().max(active), active }
    }
}

/// Time limits for connections. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolTimes {
    /// The longest wait for a free connection, within the deadline of the operation.
    pub(crate) acquire: Option<Duration>,
    /// A connection that was not used for this time is closed, before its next use or by the reaper.
    pub(crate) idle: Option<Duration>,
    /// The maximum age. Each connection lives for 90% to 100% of it, so that connections opened together do not end together.
    pub(crate) lifetime: Option<Duration>,
}

/// An open connection that counts itself and reports why it was closed. It is on the heap, because it moves at every use.
pub(crate) struct PooledConnection<C, R: Recorder> {
    connection: C,
    counts: Arc<PoolCounts>,
    recorder: R,
    server: usize,
    reason: CloseReason,
    born: Instant,
    used: Instant,
    /// It ends early by this many thousandths of its lifetime.
    early: u32,
    pub(crate) exchange_log: ExchangeLog,
}

impl<C, R: Recorder> PooledConnection<C, R> {
    pub(crate) fn new(
        connection: C,
        server: usize,
        counts: &Arc<PoolCounts>,
        recorder: &R,
        born: Instant,
    ) -> Box<Self> {
        counts.total.inc();
        recorder.record(Event::ConnectionCreated { server });
        let (counts, recorder) = (Arc::clone(counts), recorder.clone());
        let made = counts.made.get();
        counts.made.inc();
        // 37 and 101 have no common divisor, so connections opened one after the other end at different times.
        let early = (made % 101 * 37 % 101) as u32;
        let (reason, exchange_log) = (CloseReason::Shutdown, ExchangeLog::default());
        Box::new(Self { connection, counts, recorder, server, reason, born, used: born, early, exchange_log })
    }

    /// The connection, counted as active until the guard is dropped.
    pub(crate) fn activate(&mut self) -> (&mut C, ActiveGuard<'_>) {
        self.counts.active.inc();
        (&mut self.connection, ActiveGuard(&self.counts))
    }

    pub(crate) fn used(&mut self, at: Instant) {
        self.used = at;
    }

    pub(crate) fn close(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl<C: Connection, R: Recorder> PooledConnection<C, R> {
    /// Returns the connection if it is usable and within its time limits. Otherwise closes it.
    pub(crate) fn keep_if_usable(self: Box<Self>, times: &PoolTimes, at: Instant) -> Option<Box<Self>> {
        match self.expiry_reason(times, at) {
            None => Some(self),
            Some(reason) => {
                self.close(reason);
                None
            }
        }
    }

    /// Why the connection must be closed, if so.
    fn expiry_reason(&self, times: &PoolTimes, at: Instant) -> Option<CloseReason> {
        let since = |instant| at.saturating_duration_since(instant);
        if times.idle.is_some_and(|idle| since(self.used) >= idle) {
            return Some(CloseReason::Idle);
        }
        let limit = times.lifetime.map(|lifetime| lifetime - lifetime / 1_000 * self.early);
        if limit.is_some_and(|limit| since(self.born) >= limit) {
            return Some(CloseReason::Lifetime);
        }
        self.connection.unusable_reason()
    }
}

impl<C, R: Recorder> Drop for PooledConnection<C, R> {
    fn drop(&mut self) {
        self.counts.total.dec();
        self.recorder.record(Event::ConnectionClosed { server: self.server, reason: self.reason });
    }
}

pub(crate) struct ActiveGuard<'a>(&'a PoolCounts);

impl Drop for ActiveGuard<'_> {
    fn drop(&mut self) {
        self.0.active.dec();
    }
}

/// The connections that no worker keeps.
pub(crate) struct Pool<C, R: Recorder> {
    /// `None` if every worker keeps its own connection.
    slots: Option<Semaphore>,
    /// The connection used last is at the end.
    idle: RefCell<VecDeque<Box<PooledConnection<C, R>>>>,
    pub(crate) counts: Arc<PoolCounts>,
}

impl<C: Connection, R: Recorder> Pool<C, R> {
    /// A pool of at most `bound` connections for `workers` workers.
    pub(crate) fn new(bound: usize, workers: usize, counts: Arc<PoolCounts>) -> Self {
        let slots = (bound < workers).then(|| Semaphore::new(bound));
        Self { slots, idle: RefCell::default(), counts }
    }

    pub(crate) fn is_shared(&self) -> bool {
        self.slots.is_some()
    }

    /// Waits for a slot, which permits the use of one connection. A connection either has a slot or is in the idle list, and
    /// a new one is opened only when that list is empty. So there are never more connections than slots.
    pub(crate) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        match &self.slots {
            // The semaphore is never closed, so it returns no error.
            Some(slots) => slots.acquire().await.ok(),
            None => None,
        }
    }

    /// The usable idle connection that was used last.
    pub(crate) fn take_idle(&self, times: &PoolTimes, at: Instant) -> Option<Box<PooledConnection<C, R>>> {
        loop {
            let connection = self.idle.borrow_mut().pop_back()?;
            if let Some(fresh) = connection.keep_if_usable(times, at) {
                return Some(fresh);
            }
        }
    }

    /// Closes the idle connections that are unusable or past a limit.
    pub(crate) fn reap(&self, times: &PoolTimes, at: Instant) {
        let mut idle = self.idle.borrow_mut();
        let fresh = idle.drain(..).filter_map(|connection| connection.keep_if_usable(times, at)).collect();
        *idle = fresh;
    }

    /// Returns a connection to the idle list. Also closes those at the front that were idle for too long, because connections
    /// are only taken from the end.
    pub(crate) fn put_idle(&self, connection: Box<PooledConnection<C, R>>, times: &PoolTimes, at: Instant) {
        let mut idle = self.idle.borrow_mut();
        idle.push_back(connection);
        while let Some(reason) = idle.front().and_then(|oldest| oldest.expiry_reason(times, at)) {
            if let Some(oldest) = idle.pop_front() {
                oldest.close(reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split_evenly;

    proptest! {
        /// The parts add up to the whole and differ by at most one.
        #[test]
        fn parts_add_up(whole in 0..5_000usize, parts in 1..64usize) {
            let shares: Vec<usize> = (0..parts).map(|index| split_evenly(whole, parts, index)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), whole);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
