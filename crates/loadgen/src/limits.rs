//! Whether this process may open the file descriptors that a plan needs. Pure; the limit is read elsewhere.

use daemon_core::exit::{Exit, UserError};

use crate::plan::Plan;

/// Descriptors besides the connections to the nodes: standard streams, the metrics server with its clients, the histogram.
const RESERVE: u64 = 48;
/// Descriptors of the runtime of one load thread.
const PER_THREAD: u64 = 8;

/// The limit of descriptors is too low for the planned connections.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "too few file descriptors: {connections} connections to {nodes} {} need {needed}, and the limit is {limit}",
    if *.nodes == 1 { "node" } else { "nodes" }
)]
pub(crate) struct DescriptorError {
    connections: u64,
    nodes: u64,
    needed: u64,
    limit: u64,
}

impl UserError for DescriptorError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        let needed = self.needed;
        Some(format!(
            "raise the hard limit, for example with `ulimit -n {needed}` as root, or use a smaller --pool-size"
        ))
    }
}

/// Compares the plan with the limit. `None` means no limit.
pub(crate) fn check_descriptors(plan: &Plan, limit: Option<u64>) -> Result<(), DescriptorError> {
    let nodes = plan.nodes.len() as u64;
    // A worker uses one connection of a node at a time.
    let connections = nodes * plan.client.pool_size.min(plan.load.workers) as u64;
    let needed = connections + RESERVE + PER_THREAD * plan.load.threads as u64;
    match limit {
        Some(limit) if limit < needed => Err(DescriptorError { connections, nodes, needed, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use daemon_core::lab::Lab;

    use super::*;
    use crate::cli::{CommandLine, parse};
    use crate::config;

    fn plan(flags: &str) -> Plan {
        let text = "servers:\n  - { name: a, listen: h:1, upstream: h:2 }\n  - { name: b, listen: h:3, upstream: h:4 }\n";
        let lab = Lab::parse("lab.yaml", text, 0).unwrap();
        let args = ["loadgen"].into_iter().chain(flags.split_whitespace()).map(Into::into);
        let CommandLine::Cli(cli) = parse(args).unwrap() else { panic!("a command") };
        config::plan(&lab, &cli).unwrap()
    }

    #[test]
    fn every_connection_needs_a_descriptor() {
        let wide = plan("--pool-size 500 --concurrency 500 --threads 2");
        assert_eq!(check_descriptors(&wide, None), Ok(()));
        assert_eq!(check_descriptors(&wide, Some(1_064)), Ok(()));
        let error = check_descriptors(&wide, Some(1_063)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "too few file descriptors: 1000 connections to 2 nodes need 1064, and the limit is 1063"
        );
        assert_eq!(error.exit(), Exit::Setup);
    }

    #[test]
    fn a_worker_needs_one_connection_of_each_node() {
        assert_eq!(check_descriptors(&plan("--pool-size 5000 --concurrency 4"), Some(64)), Ok(()));
        assert!(check_descriptors(&plan("--pool-size 4 --concurrency 5000"), Some(63)).is_err());
    }
}
