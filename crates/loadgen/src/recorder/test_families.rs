//! The client's metric families for tests that count with them and never scrape them.

use std::sync::Arc;

use metrics_core::Registry;
use metrics_core::families::client::{BreakerView, ClientFamilies, ClientState, LoadView, PoolView};

#[derive(Debug)]
struct NoState;

impl ClientState for NoState {
    fn breaker(&self, _: usize) -> BreakerView {
        panic!("these families are never scraped")
    }
    fn pool(&self, _: usize) -> PoolView {
        PoolView::default()
    }
    fn load(&self) -> LoadView {
        LoadView::default()
    }
}

/// Families with one shard per load thread.
pub(crate) fn client_families(nodes: &[String], threads: usize) -> Arc<ClientFamilies> {
    ClientFamilies::register(&mut Registry::default(), nodes, threads, &[], Arc::new(NoState))
}
