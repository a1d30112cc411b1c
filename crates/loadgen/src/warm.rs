//! Fills the cache before the load starts, so that reads hit from the first second: the most wanted keys first. Bounded:
//! a node that turns slow here costs a warning, not the run.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::timeout;

use crate::history::WriteId;
use crate::keys::Key;
use crate::ledger::Ledger;
use crate::plan::{LoadPlan, Target};
use crate::stack::conn::{ConnError, Connection, Item};
use crate::stack::route::Router;
use crate::value;

/// Over all nodes.
const BOUND: Duration = Duration::from_secs(5);
/// Values stored in one exchange.
const BATCH: usize = 200;

/// Stores every key on its node, over one connection per node in the order of the nodes.
pub(crate) async fn warm<C: Connection>(
    connections: Vec<C>,
    nodes: &[Target],
    load: &LoadPlan,
    ledger: &Ledger,
) {
    let router = Router::new(nodes.iter().map(|node| node.name.as_str()));
    match timeout(BOUND, store(connections, &router, load, ledger.initial())).await {
        Ok(Ok(())) => ledger.warmed(),
        Ok(Err((node, error))) => {
            tracing::warn!(server = nodes[node].name, %error, "the cache is not warm: some reads will miss");
        }
        Err(_) => tracing::warn!("the cache is not warm after {BOUND:?}: some reads will miss"),
    }
}

async fn store<C: Connection>(
    mut connections: Vec<C>,
    router: &Router,
    load: &LoadPlan,
    origin: WriteId,
) -> Result<(), (usize, ConnError)> {
    let mut rng = Rng::with_seed(load.seed);
    let mut batches: Vec<Vec<Item>> = connections.iter().map(|_| Vec::new()).collect();
    for index in 0..load.warm_up {
        let (mut key, mut value) = (Vec::new(), Vec::new());
        Key::Item(index).write(&mut key);
        value::write(&mut value, index, origin, load.sizes.draw(&mut rng));
        let node = router.route(&key);
        batches[node].push(Item { key, value, ttl: load.ttls.draw(&mut rng) });
        if batches[node].len() == BATCH {
            connections[node].store_all(&batches[node]).await.map_err(|error| (node, error))?;
            batches[node].clear();
        }
    }
    for (node, (batch, connection)) in batches.iter().zip(&mut connections).enumerate() {
        if !batch.is_empty() {
            connection.store_all(batch).await.map_err(|error| (node, error))?;
        }
    }
    Ok(())
}
