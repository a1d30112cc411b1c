//! Waits until memcached replies at every address. After a time limit, an error names the nodes that did not reply.

use std::fmt;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use daemon_core::values::format_duration;
use metrics_core::labels::ErrorType;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::plan::Target;
use crate::stack::conn::{Client, ConnError, Connection};

/// Time between two attempts.
const RETRY: Duration = Duration::from_millis(50);

/// Time between two log lines about a node that does not reply.
const REMINDER: Duration = Duration::from_secs(5);

/// A node that never replied, and the error of the last attempt.
#[derive(Debug)]
struct SilentNode {
    node: Target,
    last: String,
    /// This machine could not even open a connection.
    local: bool,
}

/// The nodes that did not reply in time.
#[derive(Debug)]
pub(crate) struct NotReadyError {
    silent: Vec<SilentNode>,
    bound: Duration,
}

impl fmt::Display for NotReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = format_duration(self.bound);
        for (index, SilentNode { node, last, .. }) in self.silent.iter().enumerate() {
            let line = if index > 0 { "\n" } else { "" };
            write!(f, "{line}node {} at {} did not answer within {bound}: {last}", node.name, node.dial)?;
        }
        Ok(())
    }
}

impl std::error::Error for NotReadyError {}

impl UserError for NotReadyError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        if self.silent.iter().any(|node| node.local) {
            return Some(
                "free descriptors, ports or memory of this machine; the nodes were not reached".to_owned(),
            );
        }
        Some("start the proxies and the nodes behind them first; `just up` starts the whole lab".to_owned())
    }
}

/// Connects to each node and waits for a first reply. The connections are in the order of the nodes.
pub(crate) async fn wait_for_nodes<C: Client>(
    client: &C,
    nodes: &[Target],
    attempt: Duration,
    bound: Duration,
) -> Result<Vec<C::Connection>, NotReadyError> {
    let deadline = Instant::now() + bound;
    let local = LocalSet::new();
    let mut waiting = JoinSet::new();
    for (index, node) in nodes.iter().cloned().enumerate() {
        let client = client.clone();
        waiting
            .spawn_local_on(async move { (index, connect(&client, node, attempt, deadline).await) }, &local);
    }
    let mut results = local.run_until(waiting.join_all()).await;
    results.sort_by_key(|(index, _)| *index);
    let (mut connections, mut silent) = (Vec::new(), Vec::new());
    for (_, result) in results {
        match result {
            Ok(connection) => connections.push(connection),
            Err(node) => silent.push(node),
        }
    }
    if silent.is_empty() { Ok(connections) } else { Err(NotReadyError { silent, bound }) }
}

async fn connect<C: Client>(
    client: &C,
    node: Target,
    attempt: Duration,
    deadline: Instant,
) -> Result<C::Connection, SilentNode> {
    let mut last = format!("no answer within {}", format_duration(attempt));
    let mut local = false;
    let mut reminded = Instant::now();
    loop {
        let hello = async {
            let mut connection = client.dial(&node.dial).await?;
            connection.ping().await?;
            Ok::<_, ConnError>(connection)
        };
        match timeout_at(deadline, timeout(attempt, hello)).await {
            Ok(Ok(Ok(connection))) => return Ok(connection),
            Ok(Ok(Err(error))) => {
                local = error.error_type() == ErrorType::Local;
                last = error.to_string();
            }
            Ok(Err(_)) => {}
            Err(_) => return Err(SilentNode { node, last, local }),
        }
        let now = Instant::now();
        if now - reminded >= REMINDER {
            reminded = now;
            tracing::info!(server = node.name, address = %node.dial, last, "still waiting for a node");
        }
        if now + RETRY >= deadline {
            return Err(SilentNode { node, last, local });
        }
        sleep(RETRY).await;
    }
}
