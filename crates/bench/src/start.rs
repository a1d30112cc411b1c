//! The time from the start of loadgen to its first operation, on nodes that an earlier run has warmed.

use std::time::{Duration, Instant};

use testkit::{free_addr, sleep};

use crate::client::Client;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::node::{self, Node};
use crate::rounds::Spread;
use crate::subject::Bench;

const NODES: usize = 3;
/// Between two checks: long enough that they take little of the nodes' time.
const INTERVAL: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) fn rows(bench: &Bench, rounds: u32) -> Result<Vec<Row>, BenchError> {
    let mut nodes = (0..NODES).map(|_| bench.node()).collect::<Result<Vec<_>, _>>()?;
    first_operation(bench, &mut nodes)?; // warms the nodes
    let times = (0..rounds).map(|_| first_operation(bench, &mut nodes)).collect::<Result<Vec<_>, _>>()?;
    let measured = Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e3));
    let row = |measured| Row {
        figure: format!("time to the first operation after start, {NODES} warm nodes"),
        goal: Goal::AtMost(50.0),
        unit: Unit::Milliseconds,
        measured,
    };
    Ok(measured.map(row).into_iter().collect())
}

/// The time until a node counts the first get; the warm-up sends only sets.
fn first_operation(bench: &Bench, nodes: &mut [Node]) -> Result<Duration, BenchError> {
    let before = gets(nodes)?;
    let line = format!(
        "{} --workload get --concurrency 32 --pool-size 32 --think-time 0s --seed 1 --duration 60s --metrics-addr {}",
        node::servers_flag(nodes),
        free_addr()
    );
    let start = Instant::now();
    let client = Client::start("loadgen", bench.loadgen.as_os_str(), line.split(' '), &bench.client_cpus())?;
    while gets(nodes)? == before {
        client.check_running()?;
        if start.elapsed() > LIMIT {
            return Err(client.late("a first operation", LIMIT));
        }
        sleep(INTERVAL);
    }
    Ok(start.elapsed())
}

fn gets(nodes: &mut [Node]) -> Result<u64, BenchError> {
    nodes.iter_mut().map(|node| node.counters().map(|counters| counters.gets)).sum()
}
