//! Watches the nodes beside the load: reads their statistics and probes both of their addresses. It changes nothing.

use std::convert::Infallible;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;

use metrics_core::families::node::NodeFamilies;
use metrics_core::labels::Address;
use tokio::task::{JoinSet, LocalSet};

use crate::node_stats::read_stats;
use crate::plan::{Plan, Target};
use crate::probe::{self, Limits, probe};
use crate::stack::conn::Client;
use crate::stack::route::Router;

/// What is watched. A node without a known own address is left out.
#[derive(Clone, Debug)]
pub(crate) struct WatchPlan {
    nodes: Vec<WatchedNode>,
    limits: Limits,
}

#[derive(Clone, Debug)]
struct WatchedNode {
    dial: String,
    upstream: String,
    key: Vec<u8>,
}

impl WatchPlan {
    pub(crate) fn new(plan: &Plan) -> WatchPlan {
        let router = Router::new(plan.nodes.iter().map(|node| node.name.as_str()));
        let watched = |(index, node): (usize, &Target)| {
            Some(WatchedNode {
                dial: node.dial.clone(),
                upstream: node.upstream.clone()?,
                key: probe::key_of(index, &router, plan.load.warm_up),
            })
        };
        WatchPlan {
            nodes: plan.nodes.iter().enumerate().filter_map(watched).collect(),
            limits: Limits {
                period: probe::period(&plan.load, plan.nodes.len()),
                connect: plan.client.timeouts.connect,
                operation: plan.client.timeouts.operation,
            },
        }
    }
}

/// The names of the nodes that are watched, in the order of the families.
pub(crate) fn watched_names(nodes: &[Target]) -> Vec<String> {
    nodes.iter().filter(|node| node.upstream.is_some()).map(|node| node.name.clone()).collect()
}

/// Watches until it is dropped.
pub(crate) async fn watch<C: Client>(client: C, plan: WatchPlan, families: Arc<NodeFamilies>) -> Infallible {
    let (local, mut tasks) = (LocalSet::new(), JoinSet::new());
    for (server, node) in plan.nodes.into_iter().enumerate() {
        let node = Rc::new(node);
        for address in Address::ALL {
            let (client, node, families) = (client.clone(), Rc::clone(&node), Arc::clone(&families));
            let probing = async move {
                let at = match address {
                    Address::Dial => &node.dial,
                    Address::Upstream => &node.upstream,
                };
                probe(&client, at, &node.key, plan.limits, |took| families.probed(server, address, took))
                    .await
            };
            tasks.spawn_local_on(probing, &local);
        }
        let families = Arc::clone(&families);
        let reading = async move { read_stats(&node.upstream, |read| families.set(server, read)).await };
        tasks.spawn_local_on(reading, &local);
    }
    local.run_until(pending()).await
}
