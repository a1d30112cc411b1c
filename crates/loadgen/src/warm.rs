//! Fills the cache before the load starts, the most popular keys first, so that reads hit from the first second. The time is
//! limited: a slow node causes a warning and does not fail the run.

use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::timeout;

use crate::history::WriteId;
use crate::keys::Key;
use crate::ledger::WriteLedger;
use crate::plan::{LoadPlan, Target};
use crate::stack::conn::{ConnError, Connection, Item};
use crate::stack::route::Router;
use crate::value;

/// The time limit for all nodes together.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The number of values in one exchange.
const BATCH: usize = 200;

/// Stores each key on its node. There is one connection per node, in the order of the nodes, and all are used at once.
pub(crate) async fn warm_cache<C: Connection>(
    connections: Vec<C>,
    nodes: &[Target],
    load: &LoadPlan,
    ledger: &WriteLedger,
) {
    let router = Rc::new(Router::new(nodes.iter().map(|node| node.name.as_str())));
    let (local, mut storing) = (LocalSet::new(), JoinSet::new());
    for (node, connection) in connections.into_iter().enumerate() {
        let (router, load, origin) = (Rc::clone(&router), load.clone(), ledger.warm_up_id());
        let stored = async move { (node, store_keys(connection, node, &router, &load, origin).await) };
        storing.spawn_local_on(stored, &local);
    }
    let results = match timeout(TIME_LIMIT, local.run_until(storing.join_all())).await {
        Ok(results) => results,
        Err(_) => {
            return tracing::warn!("the cache is not filled after {TIME_LIMIT:?}: some reads will miss");
        }
    };
    let mut warm = true;
    for (node, result) in results {
        if let Err(error) = result {
            warm = false;
            tracing::warn!(server = nodes[node].name, %error, "cannot fill the cache: some reads will miss");
        }
    }
    if warm {
        ledger.set_warm();
    }
}

/// Stores the keys of one node.
async fn store_keys<C: Connection>(
    mut connection: C,
    node: usize,
    router: &Router,
    load: &LoadPlan,
    origin: WriteId,
) -> Result<(), ConnError> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut text = Vec::new();
    for index in 0..load.warm_up {
        Key::Item(index).write(&mut text);
        if router.route(&text) != node {
            continue;
        }
        let mut rng = Rng::with_seed(load.seed.wrapping_add(index));
        let mut value = Vec::new();
        value::write(&mut value, index, origin, load.sizes.draw(&mut rng));
        batch.push(Item { key: text.clone(), value, ttl: load.ttls.draw(&mut rng) });
        if batch.len() == BATCH {
            connection.store_all(&batch).await?;
            batch.clear();
        }
    }
    if batch.is_empty() { Ok(()) } else { connection.store_all(&batch).await }
}
