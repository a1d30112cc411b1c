//! The state behind the client's gauges, as the scrape asks for it. Nothing is counted or encoded here.

use std::time::SystemTime;

use crate::labels::BreakerState;

/// What a circuit breaker is at this moment.
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
    /// When it last changed its state.
    pub changed_at: Option<SystemTime>,
    /// Changes so far, `[from][to]` by [`BreakerState::index`].
    pub transitions: [[u64; BreakerState::COUNT]; BreakerState::COUNT],
}

/// What a node's connections are at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolView {
    /// Open connections.
    pub total: u64,
    /// Of these, in an exchange.
    pub active: u64,
}

/// What the load is at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadView {
    /// Operations per second asked for; 0 in a closed loop.
    pub target_rate: f64,
    /// Workers that run.
    pub workers: u64,
    /// Operations that are due and wait.
    pub queue_depth: u64,
}

/// The state behind the gauges. The scrape asks for it, so a gauge cannot drift from what it shows.
pub trait ClientState: Send + Sync + std::fmt::Debug {
    /// The breaker of the node with this index.
    fn breaker(&self, server: usize) -> BreakerView;
    /// The connections of the node with this index.
    fn pool(&self, server: usize) -> PoolView;
    /// The load as a whole.
    fn load(&self) -> LoadView;
}
