//! Prints how long it takes to record one operation: `cargo bench -p metrics-core`. The machine's other work changes the
//! figures, so nothing is asserted.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_core::Registry;
use metrics_core::families::client::{
    BreakerView, ClientFamilies, ClientState, FinishedOperation, LoadView, PoolView,
};
use metrics_core::labels::{BreakerState, Operation};

const ROUNDS: u64 = 10_000_000;

#[derive(Debug)]
struct NoState;

impl ClientState for NoState {
    fn breaker(&self, _: usize) -> BreakerView {
        BreakerView {
            state: BreakerState::Closed,
            requests: 0,
            failures: 0,
            consecutive_failures: 0,
            changed_at: None,
            transitions: Default::default(),
        }
    }
    fn pool(&self, _: usize) -> PoolView {
        PoolView::default()
    }
    fn load(&self) -> LoadView {
        LoadView::default()
    }
}

fn measure(name: &str, mut record: impl FnMut(Duration)) {
    let start = Instant::now();
    for round in 0..ROUNDS {
        record(black_box(Duration::from_nanos(100_000 + round % 4_096 * 100)));
    }
    println!("{name}: {:.1} ns", start.elapsed().as_nanos() as f64 / ROUNDS as f64);
}

fn main() {
    let families =
        ClientFamilies::register(&mut Registry::default(), &["a".to_owned()], 1, &[], Arc::new(NoState));
    let Some(shard) = families.shard(0) else { return };
    // Both histograms of one time, without the counters.
    measure("one time", |time| shard.started_late(time));
    measure("one operation", |time| {
        shard.started(0);
        shard.finished(&FinishedOperation {
            server: 0,
            operation: Operation::Get,
            outcome: Ok(()),
            latency: time,
            service: Some(time),
        });
    });
}
