//! How long loadgen takes from its start to its first operation, on nodes that an earlier run has warmed.

use std::time::{Duration, Instant};

use crate::child::Child;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::node::{self, Node};
use crate::rounds::Spread;
use crate::subject::Bench;
use crate::wait;

const NODES: usize = 3;
/// Between two looks: rarely enough to leave the nodes to loadgen.
const BETWEEN: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn rows(bench: &Bench, rounds: u32) -> Result<Vec<Row>, BenchError> {
    let mut nodes = (0..NODES).map(|_| bench.node()).collect::<Result<Vec<_>, _>>()?;
    first_operation(bench, &mut nodes)?; // warms them
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

/// Until any node counts the first get: the warm-up only sets.
fn first_operation(bench: &Bench, nodes: &mut [Node]) -> Result<Duration, BenchError> {
    let gets =
        |nodes: &mut [Node]| nodes.iter_mut().map(|node| Ok(node.counters()?.gets)).sum::<Result<u64, _>>();
    let before = gets(nodes)?;
    let line = format!(
        "{} --workload get --concurrency 32 --pool-size 32 --think-time 0s --seed 1 --duration 60s --metrics-addr {}",
        node::servers_flag(nodes),
        node::free_address()?
    );
    let begin = Instant::now();
    let mut child =
        Child::start("loadgen", bench.loadgen.as_os_str(), line.split(' '), &bench.client_cpus())?;
    while gets(nodes)? == before {
        child.must_run()?;
        if begin.elapsed() > PATIENCE {
            let program = child.program().to_owned();
            return Err(BenchError::Late { program, condition: "a first operation", limit: PATIENCE });
        }
        wait::sleep(BETWEEN);
    }
    Ok(begin.elapsed())
}
