//! Connections to one node, for the workers of one load thread. Bounds and bookkeeping only: who waits how long and
//! what a failure means is decided in `stack.rs`.
//!
//! Two forms. Where the thread's share of the bound covers its workers, each worker keeps the connection it used last
//! and nothing is shared. Where connections are fewer than workers, they are checked out per operation.

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

/// Part `index` of `whole` split over `parts`: parts differ by one at most and add up exactly.
pub(crate) fn split_evenly(whole: usize, parts: usize, index: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
}

/// Live connections of one thread to one node. Written by that thread only, read by the scraper.
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

/// How long connections are waited for and kept; `None` is without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolTimes {
    /// Waiting for a connection to become free, within the operation's deadline.
    pub(crate) acquire: Option<Duration>,
    /// Unused for this long, a connection is closed: where it is next wanted, or by the reaper.
    pub(crate) idle: Option<Duration>,
    /// A connection lives for nine to ten tenths of this: those made together do not end together.
    pub(crate) lifetime: Option<Duration>,
}

/// An open connection that counts itself, and says at its end why it ended. Kept on the heap: it changes hands at every
/// use.
pub(crate) struct PooledConnection<C, R: Recorder> {
    connection: C,
    counts: Arc<PoolCounts>,
    recorder: R,
    server: usize,
    reason: CloseReason,
    born: Instant,
    used: Instant,
    /// Thousandths of its lifetime that it ends early.
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
        // Prime to 101, so that neighbours end far apart.
        let early = (made % 101 * 37 % 101) as u32;
        let (reason, exchange_log) = (CloseReason::Shutdown, ExchangeLog::default());
        Box::new(Self { connection, counts, recorder, server, reason, born, used: born, early, exchange_log })
    }

    /// The connection, counted as active until the guard goes.
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
    /// The connection, unless it is past a limit or fit for nothing: then it is closed.
    pub(crate) fn keep_if_usable(self: Box<Self>, times: &PoolTimes, at: Instant) -> Option<Box<Self>> {
        match self.expiry_reason(times, at) {
            None => Some(self),
            Some(reason) => {
                self.close(reason);
                None
            }
        }
    }

    /// Why its time has come, if so.
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

/// Where a worker keeps the connection it used last.
pub(crate) type Kept<C, R> = Option<Box<PooledConnection<C, R>>>;

pub(crate) struct ActiveGuard<'a>(&'a PoolCounts);

impl Drop for ActiveGuard<'_> {
    fn drop(&mut self) {
        self.0.active.dec();
    }
}

/// Connections that no worker owns.
pub(crate) struct Pool<C, R: Recorder> {
    /// `None`: every worker owns its connection.
    slots: Option<Semaphore>,
    /// The one used last is at the end.
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

    /// Waits for leave to use a connection. A connection exists either under such a leave or in the idle list, and a
    /// new one is made only when that list is empty: so there are never more than leaves.
    pub(crate) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        match &self.slots {
            // Never closed, so an error cannot come.
            Some(slots) => slots.acquire().await.ok(),
            None => None,
        }
    }

    /// The one used last, of those within their limits and fit for use.
    pub(crate) fn take_idle(&self, times: &PoolTimes, at: Instant) -> Option<Box<PooledConnection<C, R>>> {
        loop {
            let connection = self.idle.borrow_mut().pop_back()?;
            if let Some(fresh) = connection.keep_if_usable(times, at) {
                return Some(fresh);
            }
        }
    }

    /// Closes those that are past a limit or fit for nothing.
    pub(crate) fn reap(&self, times: &PoolTimes, at: Instant) {
        let mut idle = self.idle.borrow_mut();
        let fresh = idle.drain(..).filter_map(|connection| connection.keep_if_usable(times, at)).collect();
        *idle = fresh;
    }

    /// Also closes those that nobody has needed for too long: the busy end of the list never shows them.
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
        /// The shares of a bound add up to it exactly and differ by one at most.
        #[test]
        fn shares_add_up(whole in 0..5_000usize, parts in 1..64usize) {
            let shares: Vec<usize> = (0..parts).map(|index| split_evenly(whole, parts, index)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), whole);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
