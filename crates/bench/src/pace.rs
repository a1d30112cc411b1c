//! Whether the open loop keeps its schedule at 50,000 operations per second on 64 connections. loadgen reports how late
//! it started each operation; the node counts the operations.

use std::ffi::OsString;
use std::time::Duration;

use serde_json::Value;

use crate::client::Client;
use crate::error::BenchError;
use crate::goals::{Goal, Row, Unit};
use crate::rounds::Spread;
use crate::subject::Bench;

const RATE: u64 = 50_000;
const CONNECTIONS: u32 = 64;
const SECONDS: u64 = 3;
const LIMIT: Duration = Duration::from_secs(30);

/// One run: the share of the planned operations that the node served, and how late they started, in microseconds.
struct PaceReading {
    served: f64,
    late_p50: f64,
    late_p99: f64,
}

pub(crate) fn rows(bench: &Bench, rounds: u32) -> Result<Vec<Row>, BenchError> {
    let runs = (0..rounds).map(|_| run(bench)).collect::<Result<Vec<_>, _>>()?;
    let row = |what: &str, goal, unit, of: fn(&PaceReading) -> f64| {
        let figure = format!("open loop, {RATE} op/s, {CONNECTIONS} connections: {what}");
        Spread::of(runs.iter().map(of)).map(|measured| Row { figure, goal, unit, measured })
    };
    let rows = [
        row("rate reached", Goal::AtLeast(0.999), Unit::Percent, |reading| reading.served),
        row("start lateness p50", Goal::AtMost(100.0), Unit::Microseconds, |reading| reading.late_p50),
        row("start lateness p99", Goal::AtMost(2_000.0), Unit::Microseconds, |reading| reading.late_p99),
    ];
    Ok(rows.into_iter().flatten().collect())
}

fn run(bench: &Bench) -> Result<PaceReading, BenchError> {
    let mut node = bench.node()?;
    let failed = |source| BenchError::Run { program: "loadgen".to_owned(), source };
    let line = format!(
        "--servers bench={} --workload get --rate {RATE} --concurrency {CONNECTIONS} --pool-size {CONNECTIONS} \
         --max-start-delay 500ms --seed 1 --duration {SECONDS}s --metrics-addr 127.0.0.1:0 --json",
        node.address()
    );
    let args = line.split(' ').map(OsString::from);
    let client = Client::start("loadgen", bench.loadgen.as_os_str(), args, &bench.client_cpus())?;
    let output = client.output(LIMIT)?;
    let served = node.counters()?.gets as f64 / (RATE * SECONDS) as f64;
    let summary: Value = serde_json::from_str(&output).map_err(|error| failed(error.into()))?;
    let late =
        |quantile: &str| summary["start_lateness_seconds"][quantile].as_f64().map_or(f64::NAN, |s| s * 1e6);
    Ok(PaceReading { served, late_p50: late("p50"), late_p99: late("p99") })
}
