//! The resident memory of a connection.

use std::time::Duration;

use testkit::sleep;

use crate::cpu;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::rounds::Spread;
use crate::subject::{Bench, Case, Mix, Subject};

pub(crate) const MANY: u32 = 10_000;
const FEW: u32 = 1_000;
const ROUNDS: u32 = 3;
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) fn rows(bench: &Bench) -> Result<Vec<Row>, BenchError> {
    let mut each = Vec::new();
    let mut whole = Vec::new();
    for _ in 0..ROUNDS {
        let (few, many) = (peak(bench, FEW)?, peak(bench, MANY)?);
        each.push((many - few) / f64::from(MANY - FEW) / 1e3);
        whole.push(many / 1e6);
    }
    let row = |figure: String, goal, unit, values: Vec<f64>| {
        Spread::of(values).map(|measured| Row { figure, goal, unit, measured })
    };
    let each = row(
        format!("resident memory per connection, {FEW} to {MANY}"),
        Goal::AtMost(13.0),
        Unit::Kilobytes,
        each,
    );
    let whole =
        row(format!("resident memory at {MANY} connections"), Goal::AtMost(135.0), Unit::Megabytes, whole);
    Ok(each.into_iter().chain(whole).collect())
}

/// Peak resident memory in bytes, with every connection in use.
fn peak(bench: &Bench, connections: u32) -> Result<f64, BenchError> {
    let mut node = bench.node()?;
    let client = bench.load(Subject::Loadgen, Case { connections, mix: Mix::Get, threads: 1 }, &mut node)?;
    sleep(SETTLE);
    Ok(cpu::peak_memory(client.pid())? as f64)
}
