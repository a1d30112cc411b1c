//! Hands out one shard per load thread and adds the shards up. `encode` makes series of the sums.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::registry::Registry;

use super::shard::{ClientShard, ServerCells};
use super::state::ClientState;
use crate::cells::{Edges, HistogramCells, MergedHistogram};
use crate::labels::{ErrorType, Status};

/// Sums over all shards, nodes and operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operations that succeeded.
    pub succeeded: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Failures by [`ErrorType::index`].
    pub errors: [u64; ErrorType::COUNT],
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not find their key.
    pub misses: u64,
    /// Reads of a wrong value.
    pub corrupt: u64,
    /// Operations dropped by the open loop.
    pub dropped: u64,
    /// The part of `dropped` that a worker had taken and that got no connection in time.
    pub abandoned: u64,
}

/// The client's families: hands out one shard per load thread and merges them at each scrape.
#[derive(Debug)]
pub struct ClientFamilies {
    servers: Vec<String>,
    edges: Edges,
    /// The edges of the histogram of waits for a connection.
    waits: Edges,
    shards: Vec<Arc<ClientShard>>,
    state: Arc<dyn ClientState>,
    per_second: AtomicU64,
    error_rate: AtomicU64,
}

impl ClientFamilies {
    /// Registers the families with every series at 0. `timeouts` become bucket edges.
    pub fn register(
        registry: &mut Registry,
        servers: &[String],
        shards: usize,
        timeouts: &[Duration],
        state: Arc<dyn ClientState>,
    ) -> Arc<ClientFamilies> {
        let (edges, waits) = (Edges::latency(timeouts), Edges::coarse(timeouts));
        let families = Arc::new(ClientFamilies {
            servers: servers.to_vec(),
            shards: (0..shards).map(|_| Arc::new(ClientShard::new(servers.len(), &edges, &waits))).collect(),
            edges,
            waits,
            state,
            per_second: AtomicU64::new(0),
            error_rate: AtomicU64::new(0),
        });
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// The shard of the load thread with this index; `None` beyond the number registered.
    pub fn shard(&self, index: usize) -> Option<Arc<ClientShard>> {
        self.shards.get(index).cloned()
    }

    /// Sums over everything, at this moment.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for shard in &self.shards {
            totals.abandoned += shard.abandoned.get();
            totals.dropped += shard.dropped.get() + shard.abandoned.get();
            for s in &shard.servers {
                totals.succeeded +=
                    s.operations.iter().map(|op| op[Status::Success.index()].get()).sum::<u64>();
                totals.failed += s.operations.iter().map(|op| op[Status::Failed.index()].get()).sum::<u64>();
                totals.hits += s.hits.get();
                totals.misses += s.misses.get();
                totals.corrupt += s.corrupt.iter().map(|c| c.get()).sum::<u64>();
                for (total, cell) in totals.errors.iter_mut().zip(&s.errors) {
                    *total += cell.get();
                }
            }
        }
        totals
    }

    /// Sets the two gauges over the last second: operations per second, and the failed share (0 to 1).
    pub fn set_last_second(&self, operations_per_second: f64, error_rate: f64) {
        self.per_second.store(operations_per_second.to_bits(), Relaxed);
        self.error_rate.store(error_rate.to_bits(), Relaxed);
    }

    /// The last values of [`set_last_second`](Self::set_last_second).
    pub(super) fn last_second(&self) -> (f64, f64) {
        (f64::from_bits(self.per_second.load(Relaxed)), f64::from_bits(self.error_rate.load(Relaxed)))
    }

    pub(super) fn servers(&self) -> &[String] {
        &self.servers
    }

    pub(super) fn state(&self) -> &dyn ClientState {
        self.state.as_ref()
    }

    pub(super) fn last_error_nanos(&self, server: usize) -> u64 {
        self.cells(server).map(|s| s.last_error.load(Relaxed)).max().unwrap_or(0)
    }

    pub(super) fn merged_waits(&self, server: usize) -> MergedHistogram {
        MergedHistogram::sum(&self.waits, self.cells(server).map(|cells| &cells.acquire))
    }

    pub(super) fn merged_lateness(&self) -> MergedHistogram {
        MergedHistogram::sum(&self.edges, self.shards.iter().map(|shard| &shard.lateness))
    }

    pub(super) fn merged_timer_lateness(&self) -> MergedHistogram {
        MergedHistogram::sum(&self.edges, self.shards.iter().map(|shard| &shard.timer_lateness))
    }

    pub(super) fn shards(&self) -> &[Arc<ClientShard>] {
        &self.shards
    }

    pub(super) fn cells(&self, server: usize) -> impl Iterator<Item = &ServerCells> {
        self.shards.iter().filter_map(move |shard| shard.servers.get(server))
    }

    pub(super) fn sum(&self, server: usize, of: impl Fn(&ServerCells) -> u64) -> u64 {
        self.cells(server).fold(0, |sum, cells| sum.wrapping_add(of(cells)))
    }

    pub(super) fn merged<'a>(
        &'a self,
        server: usize,
        of: impl Fn(&'a ServerCells) -> &'a HistogramCells,
    ) -> MergedHistogram {
        MergedHistogram::sum(&self.edges, self.cells(server).map(of))
    }

    /// Runs `write` for every node: its index and name.
    pub(super) fn each(
        &self,
        mut write: impl FnMut(usize, &str) -> Result<(), std::fmt::Error>,
    ) -> Result<(), std::fmt::Error> {
        self.servers.iter().enumerate().try_for_each(|(index, name)| write(index, name))
    }
}
