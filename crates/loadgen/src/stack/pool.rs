//! Connections to one node, for the workers of one load thread. Bounds and bookkeeping only: who waits how long and
//! what a failure means is decided in `stack.rs`.
//!
//! Two forms. Where the thread's share of the bound covers its workers, each worker keeps the connection it used last
//! and nothing is shared. Where connections are fewer than workers, they are checked out per operation.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use metrics_core::families::client::PoolView;
use metrics_core::labels::CloseReason;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::flight::Flight;
use crate::recorder::{Event, Recorder};
use crate::stack::conn::Connection;

/// Part `index` of `whole` split over `parts`: parts differ by one at most and add up exactly.
pub(crate) fn share(whole: usize, parts: usize, index: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
}

/// Live connections of one thread to one node. Written by that thread only, read by the scraper.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct PoolCounts {
    total: AtomicU64,
    active: AtomicU64,
    made: AtomicU64,
}

impl PoolCounts {
    pub(crate) fn view(&self) -> PoolView {
        let active = self.active.load(Relaxed);
        PoolView { total: self.total.load(Relaxed).max(active), active }
    }
}

/// One writer, so load and store are enough and cost no locked instruction.
fn step(cell: &AtomicU64, up: bool) {
    let value = cell.load(Relaxed);
    cell.store(if up { value + 1 } else { value.saturating_sub(1) }, Relaxed);
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
pub(crate) struct Pooled<C, R: Recorder> {
    connection: C,
    counts: Arc<PoolCounts>,
    recorder: R,
    server: usize,
    reason: CloseReason,
    born: Instant,
    used: Instant,
    /// Thousandths of its lifetime that it ends early.
    early: u32,
    pub(crate) flight: Flight,
}

impl<C, R: Recorder> Pooled<C, R> {
    pub(crate) fn new(
        connection: C,
        server: usize,
        counts: &Arc<PoolCounts>,
        recorder: &R,
        born: Instant,
    ) -> Box<Self> {
        step(&counts.total, true);
        recorder.record(Event::ConnectionCreated { server });
        let (counts, recorder) = (Arc::clone(counts), recorder.clone());
        let made = counts.made.fetch_add(1, Relaxed);
        // Prime to 101, so that neighbours end far apart.
        let early = (made % 101 * 37 % 101) as u32;
        let (reason, flight) = (CloseReason::Shutdown, Flight::default());
        Box::new(Self { connection, counts, recorder, server, reason, born, used: born, early, flight })
    }

    /// The connection, counted as active until the guard goes.
    pub(crate) fn activate(&mut self) -> (&mut C, Active<'_>) {
        step(&self.counts.active, true);
        (&mut self.connection, Active(&self.counts))
    }

    pub(crate) fn used(&mut self, at: Instant) {
        self.used = at;
    }

    pub(crate) fn close(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl<C: Connection, R: Recorder> Pooled<C, R> {
    /// The connection, unless it is past a limit or fit for nothing: then it is closed.
    pub(crate) fn fresh(self: Box<Self>, times: &PoolTimes, at: Instant) -> Option<Box<Self>> {
        match self.end(times, at) {
            None => Some(self),
            Some(reason) => {
                self.close(reason);
                None
            }
        }
    }

    /// Why its time has come, if so.
    fn end(&self, times: &PoolTimes, at: Instant) -> Option<CloseReason> {
        let since = |instant| at.saturating_duration_since(instant);
        if times.idle.is_some_and(|idle| since(self.used) >= idle) {
            return Some(CloseReason::Idle);
        }
        let limit = times.lifetime.map(|lifetime| lifetime - lifetime / 1_000 * self.early);
        if limit.is_some_and(|limit| since(self.born) >= limit) {
            return Some(CloseReason::Lifetime);
        }
        self.connection.unfit()
    }
}

impl<C, R: Recorder> Drop for Pooled<C, R> {
    fn drop(&mut self) {
        step(&self.counts.total, false);
        self.recorder.record(Event::ConnectionClosed { server: self.server, reason: self.reason });
    }
}

/// Where a worker keeps the connection it used last.
pub(crate) type Kept<C, R> = Option<Box<Pooled<C, R>>>;

pub(crate) struct Active<'a>(&'a PoolCounts);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        step(&self.0.active, false);
    }
}

/// Connections that no worker owns.
pub(crate) struct Pool<C, R: Recorder> {
    /// `None`: every worker owns its connection.
    slots: Option<Semaphore>,
    /// The one used last is at the end.
    idle: RefCell<VecDeque<Box<Pooled<C, R>>>>,
    pub(crate) counts: Arc<PoolCounts>,
}

impl<C: Connection, R: Recorder> Pool<C, R> {
    /// A pool of at most `bound` connections for `workers` workers.
    pub(crate) fn new(bound: usize, workers: usize, counts: Arc<PoolCounts>) -> Self {
        let slots = (bound < workers).then(|| Semaphore::new(bound));
        Self { slots, idle: RefCell::default(), counts }
    }

    pub(crate) fn shared(&self) -> bool {
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
    pub(crate) fn take_idle(&self, times: &PoolTimes, at: Instant) -> Option<Box<Pooled<C, R>>> {
        loop {
            let connection = self.idle.borrow_mut().pop_back()?;
            if let Some(fresh) = connection.fresh(times, at) {
                return Some(fresh);
            }
        }
    }

    /// Closes those that are past a limit or fit for nothing.
    pub(crate) fn reap(&self, times: &PoolTimes, at: Instant) {
        let mut idle = self.idle.borrow_mut();
        let fresh = idle.drain(..).filter_map(|connection| connection.fresh(times, at)).collect();
        *idle = fresh;
    }

    /// Also closes those that nobody has needed for too long: the busy end of the list never shows them.
    pub(crate) fn put_idle(&self, connection: Box<Pooled<C, R>>, times: &PoolTimes, at: Instant) {
        let mut idle = self.idle.borrow_mut();
        idle.push_back(connection);
        while let Some(reason) = idle.front().and_then(|oldest| oldest.end(times, at)) {
            if let Some(oldest) = idle.pop_front() {
                oldest.close(reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::share;

    proptest! {
        /// The shares of a bound add up to it exactly and differ by one at most.
        #[test]
        fn shares_add_up(whole in 0..5_000usize, parts in 1..64usize) {
            let shares: Vec<usize> = (0..parts).map(|index| share(whole, parts, index)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), whole);
            prop_assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1);
        }
    }
}
