//! The metrics of a run: the families and the state behind them, and the server that exposes them. The load is not started
//! here.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use metrics_core::Registry;
use metrics_core::exporter::{Exporter, Readiness};
use metrics_core::families::client::ClientFamilies;
use metrics_core::families::host::HostFamilies;
use metrics_core::families::node::NodeFamilies;
use metrics_core::families::runtime::Runtimes;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::node_watch::watched_names;
use crate::plan::{Plan, Target};
use crate::stack::deadline::now;
use crate::stack::node::Node;
use crate::state::RunState;

/// A metrics server that answers.
pub(super) struct MetricsServer {
    pub(super) addr: SocketAddr,
    pub(super) state: Arc<RunState>,
    pub(super) families: Arc<ClientFamilies>,
    pub(super) nodes: Arc<NodeFamilies>,
    pub(super) readiness: Readiness,
    pub(super) runtimes: Runtimes,
    shutdown: CancellationToken,
    server: JoinHandle<io::Result<()>>,
}

impl MetricsServer {
    /// Needs a Tokio runtime around it.
    pub(super) fn start(plan: &Plan, listener: TcpListener) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let state = RunState::new(build_nodes(plan), plan.load.threads);
        let mut registry = Registry::default();
        let names: Vec<String> = plan.nodes.iter().map(|node| node.name.clone()).collect();
        let edges = [plan.client.timeouts.operation, plan.client.timeouts.connect];
        let shared = Arc::<RunState>::clone(&state);
        let families = ClientFamilies::register(&mut registry, &names, plan.load.threads, &edges, shared);
        let nodes = NodeFamilies::register(&mut registry, &watched_names(&plan.nodes), &edges);
        HostFamilies::register(&mut registry);
        let exporter = Exporter::new(registry);
        let (readiness, runtimes) = (exporter.readiness(), exporter.runtimes());
        let shutdown = CancellationToken::new();
        let server = tokio::spawn(exporter.serve(listener, shutdown.clone()));
        Ok(Self { addr, state, families, nodes, readiness, runtimes, shutdown, server })
    }

    /// Answers the requests in progress and stops.
    pub(super) async fn shut_down(self) {
        self.shutdown.cancel();
        if let Ok(Err(error)) = self.server.await {
            tracing::warn!(%error, "the metrics server failed");
        }
    }
}

fn build_nodes(plan: &Plan) -> Arc<[Node]> {
    let node = |target: &Target| {
        let (name, dial) = (target.name.clone(), target.dial.clone());
        Node::new(name, dial, plan.client.breaker.clone(), plan.load.threads, now())
    };
    plan.nodes.iter().map(node).collect()
}
