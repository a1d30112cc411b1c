//! Connections to one node, for the workers of one load thread. Bounds and bookkeeping only: who waits how long and
//! what a failure means is decided in `stack.rs`.
//!
//! Two forms. Where the thread's share of the bound covers its workers, each worker keeps the connection it used last
//! and nothing is shared. Where connections are fewer than workers, they are checked out per operation.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use metrics_core::families::client::{ClientShard, PoolView};
use metrics_core::labels::CloseReason;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::flight::Flight;

/// Part `index` of `whole` split over `parts`: parts differ by one at most and add up exactly.
pub(crate) fn share(whole: usize, parts: usize, index: usize) -> usize {
    whole / parts + usize::from(index < whole % parts)
}

/// Live connections of one thread to one node. Written by that thread only, read by the scraper.
#[derive(Debug, Default)]
pub(crate) struct PoolCounts {
    total: AtomicU64,
    active: AtomicU64,
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

/// An open connection that counts itself, and says at its end why it ended.
pub(crate) struct Pooled<C> {
    connection: C,
    counts: Arc<PoolCounts>,
    shard: Arc<ClientShard>,
    server: usize,
    reason: CloseReason,
    /// On the heap: a connection is moved at every use.
    pub(crate) flight: Box<Flight>,
}

impl<C> Pooled<C> {
    pub(crate) fn new(
        connection: C,
        server: usize,
        counts: &Arc<PoolCounts>,
        shard: &Arc<ClientShard>,
    ) -> Self {
        step(&counts.total, true);
        shard.connection_created(server);
        let (counts, shard) = (Arc::clone(counts), Arc::clone(shard));
        Self { connection, counts, shard, server, reason: CloseReason::Shutdown, flight: Box::default() }
    }

    /// The connection, counted as active until the guard goes.
    pub(crate) fn activate(&mut self) -> (&mut C, Active<'_>) {
        step(&self.counts.active, true);
        (&mut self.connection, Active(&self.counts))
    }

    pub(crate) fn close(mut self, reason: CloseReason) {
        self.reason = reason;
    }
}

impl<C> Drop for Pooled<C> {
    fn drop(&mut self) {
        step(&self.counts.total, false);
        self.shard.connection_closed(self.server, self.reason);
    }
}

pub(crate) struct Active<'a>(&'a PoolCounts);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        step(&self.0.active, false);
    }
}

/// Connections that no worker owns.
pub(crate) struct Pool<C> {
    /// `None`: every worker owns its connection.
    slots: Option<Semaphore>,
    idle: RefCell<Vec<Pooled<C>>>,
    pub(crate) counts: Arc<PoolCounts>,
}

impl<C> Pool<C> {
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

    pub(crate) fn take_idle(&self) -> Option<Pooled<C>> {
        self.idle.borrow_mut().pop()
    }

    pub(crate) fn put_idle(&self, connection: Pooled<C>) {
        self.idle.borrow_mut().push(connection);
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
