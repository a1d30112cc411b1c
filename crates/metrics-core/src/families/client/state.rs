//! The state behind the client's gauges, which each scrape reads. Nothing is counted or encoded here.

use std::time::SystemTime;

use crate::labels::BreakerState;

/// A circuit breaker at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerView {
    /// Its state.
    pub state: BreakerState,
    /// Requests in its counting window.
    pub requests: u64,
    /// Failures in its counting window.
    pub failures: u64,
    /// Failures since the last success.
    pub consecutive_failures: u64,
    /// The time of its last state change.
    pub changed_at: Option<SystemTime>,
    /// State changes so far, `[from][to]` by [`BreakerState::index`].
    pub transitions: [[u64; BreakerState::COUNT]; BreakerState::COUNT],
}

/// The connections to a node at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolView {
    /// Open connections.
    pub total: u64,
    /// The part of `total` that carries a request.
    pub active: u64,
}

/// The load at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadView {
    /// Operations per second that the open loop has to send; 0 in a closed loop.
    pub target_rate: f64,
    /// Workers that run.
    pub workers: u64,
    /// Operations that are due and wait for a worker.
    pub queue_depth: u64,
}

/// The state behind the gauges. Each scrape reads it, so a gauge always shows the current state.
pub trait ClientState: Send + Sync + std::fmt::Debug {
    /// The breaker of the node with this index.
    fn breaker(&self, server: usize) -> BreakerView;
    /// The connections of the node with this index.
    fn pool(&self, server: usize) -> PoolView;
    /// The load as a whole.
    fn load(&self) -> LoadView;
}
