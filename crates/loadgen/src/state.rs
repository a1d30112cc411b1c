//! The state behind the gauges, which each scrape reads: breakers, connections and workers. Nothing else is counted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use metrics_core::Locked;
use metrics_core::families::client::{BreakerView, ClientState, LoadView, PoolView};

use crate::open_loop::Backlog;
use crate::profile::LoadProfile;
use crate::stack::deadline::now;
use crate::stack::node::Node;
use crate::stack::pool::PoolCounts;

/// The state of a run, as a scrape shows it. All load threads and the metrics server share it.
#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) nodes: Arc<[Node]>,
    /// By thread, then by node.
    counts: Vec<Vec<Arc<PoolCounts>>>,
    workers: AtomicU64,
    /// `None` unless an open loop runs.
    open: Locked<Option<OpenLoopState>>,
}

#[derive(Debug)]
struct OpenLoopState {
    profile: LoadProfile,
    began: Instant,
    /// One per thread.
    backlogs: Vec<Arc<Backlog>>,
}

impl RunState {
    pub(crate) fn new(nodes: Arc<[Node]>, threads: usize) -> Arc<Self> {
        let of_thread = || nodes.iter().map(|_| Arc::default()).collect();
        let counts = (0..threads).map(|_| of_thread()).collect();
        Arc::new(Self { nodes, counts, workers: AtomicU64::new(0), open: Locked::new(None) })
    }

    /// The connection counts of one thread, by node.
    pub(crate) fn pool_counts(&self, thread: usize) -> Vec<Arc<PoolCounts>> {
        self.counts[thread].clone()
    }

    /// An open loop begins. Its threads then add their backlogs.
    pub(crate) fn begin_open_loop(&self, profile: LoadProfile, began: Instant) {
        *self.open.lock() = Some(OpenLoopState { profile, began, backlogs: Vec::new() });
    }

    /// Adds the queue of one load thread.
    pub(crate) fn add_backlog(&self, backlog: Arc<Backlog>) {
        if let Some(open) = &mut *self.open.lock() {
            open.backlogs.push(backlog);
        }
    }

    /// The open loop has ended.
    pub(crate) fn end_open_loop(&self) {
        *self.open.lock() = None;
    }

    /// Counts one worker as running until the guard is dropped, however the worker ends.
    pub(crate) fn count_worker(self: &Arc<Self>) -> WorkerGuard {
        self.workers.fetch_add(1, Relaxed);
        WorkerGuard(Arc::clone(self))
    }
}

#[derive(Debug)]
pub(crate) struct WorkerGuard(Arc<RunState>);

impl Drop for WorkerGuard {
    fn drop(&mut self) {
        self.0.workers.fetch_sub(1, Relaxed);
    }
}

impl ClientState for RunState {
    fn breaker(&self, server: usize) -> BreakerView {
        self.nodes[server].view(now())
    }

    fn pool(&self, server: usize) -> PoolView {
        let views = self.counts.iter().map(|thread| thread[server].view());
        views.fold(PoolView::default(), |sum, view| PoolView {
            total: sum.total + view.total,
            active: sum.active + view.active,
        })
    }

    fn load(&self) -> LoadView {
        let workers = self.workers.load(Relaxed);
        let now = now();
        match &*self.open.lock() {
            None => LoadView { target_rate: 0.0, workers, queue_depth: 0 },
            Some(open) => LoadView {
                target_rate: open.profile.rate(now.saturating_duration_since(open.began)),
                workers,
                queue_depth: open.backlogs.iter().map(|backlog| backlog.depth(now)).sum(),
            },
        }
    }
}
