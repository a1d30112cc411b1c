//! The load under which the two losses are compared, and what one measurement of it came to.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use metrics_core::families::client::SERVICE;
use serde_json::Value;

use super::distribution::Distribution;
use crate::child::Child;
use crate::error::BenchError;
use crate::{host, node, wait};

const CONNECTIONS: u32 = 32;
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(250);
const WORKLOAD: &str = "name: calibration\nweights: { get: 50, set: 50 }\nkeys: 1000\nvalue_size: 100\n";

/// How loadgen is started for every measurement.
#[derive(Debug)]
pub(super) struct Loadgen {
    program: PathBuf,
    node: SocketAddr,
    window: Duration,
    workload: PathBuf,
    histogram: PathBuf,
}

/// One measurement.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// Operations per second.
    pub(super) rate: f64,
    /// Of all operations, from 0 to 1.
    pub(super) failed: f64,
    pub(super) service: Distribution,
    /// Slow operations per second in the second half of the window, over those in the first.
    pub(super) drift: f64,
}

impl Loadgen {
    pub(super) fn new(
        program: PathBuf,
        node: SocketAddr,
        window: Duration,
        folder: &Path,
    ) -> Result<Self, BenchError> {
        let workload = folder.join("workload.yaml");
        fs::write(&workload, WORKLOAD)
            .map_err(|source| BenchError::Write { path: workload.clone(), source })?;
        let histogram = folder.join("times.csv");
        Ok(Self { program, node, window, workload, histogram })
    }

    /// Loads the node for one window and reads what loadgen says of it.
    pub(super) fn measure(&self, seed: u32) -> Result<Cell, BenchError> {
        let metrics = node::free_address()?;
        let line = format!(
            "--servers memcached1={} --workload {} --concurrency {CONNECTIONS} --pool-size {CONNECTIONS} --threads 1 \
             --think-time 0s --op-timeout 500ms --connect-timeout 500ms --seed {seed} --duration {} \
             --metrics-addr {metrics} --json --histogram {}",
            self.node,
            self.workload.display(),
            humantime::format_duration(self.window).to_string().replace(' ', ""),
            self.histogram.display(),
        );
        let mut child =
            Child::start("loadgen", self.program.as_os_str(), line.split(' '), &host::two_cpus()?)?;
        let slow = self.watch(&mut child, metrics)?;
        let told = child.output();
        // Its log comes before the object on the same stream.
        let object = told.find("\n{").map_or(told.as_str(), |at| &told[at..]);
        let summary: Value = serde_json::from_str(object).map_err(|error| BenchError::Run {
            program: "loadgen".to_owned(),
            source: std::io::Error::other(format!("{error}: {told}")),
        })?;
        let number = |path: &str| summary.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let csv = fs::read_to_string(&self.histogram)
            .map_err(|source| BenchError::Read { path: self.histogram.clone(), source })?;
        let service = Distribution::parse(&csv).ok_or_else(|| BenchError::Read {
            path: self.histogram.clone(),
            source: std::io::ErrorKind::InvalidData.into(),
        })?;
        Ok(Cell {
            rate: number("/rate/reached"),
            failed: number("/total/failed") / number("/operations"),
            service,
            drift: drift(&slow),
        })
    }

    /// Slow operations so far, over time, until loadgen has ended.
    fn watch(&self, child: &mut Child, metrics: SocketAddr) -> Result<Vec<(Duration, f64)>, BenchError> {
        let begin = Instant::now();
        let mut seen = Vec::new();
        while child.must_run().is_ok() {
            if begin.elapsed() > self.window + PATIENCE {
                let program = child.program().to_owned();
                return Err(BenchError::Late {
                    program,
                    condition: "its end",
                    limit: self.window + PATIENCE,
                });
            }
            // No answer before it serves and after it has drained.
            seen.extend(
                get(metrics, "/metrics").ok().as_deref().and_then(slow).map(|slow| (begin.elapsed(), slow)),
            );
            wait::sleep(BETWEEN);
        }
        Ok(seen)
    }
}

/// Operations whose service took longer than 100 ms; `None` before the first operation.
fn slow(scrape: &str) -> Option<f64> {
    let sum = |prefix: &str, label: &str| -> f64 {
        let lines = scrape.lines().filter(|line| line.starts_with(prefix) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let all = sum(&format!("{}_count", SERVICE.name), "");
    (all > 0.0).then(|| all - sum(&format!("{}_bucket", SERVICE.name), "le=\"0.1\""))
}

/// From slow operations counted over time: how their rate in the second half compares with that in the first.
fn drift(counts: &[(Duration, f64)]) -> f64 {
    let middle = counts.len() / 2;
    let rate = |half: &[(Duration, f64)]| match half {
        [(began, first), .., (ended, last)] => (last - first) / (*ended - *began).as_secs_f64(),
        _ => f64::NAN,
    };
    rate(&counts[middle..]) / rate(counts.get(..=middle).unwrap_or_default())
}

/// The body of an answer to a GET on a connection of its own.
pub(super) fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SERVICE, drift, slow};

    #[test]
    fn slow_operations_are_what_the_bucket_leaves_out() {
        let name = SERVICE.name;
        let scrape = format!(
            "{name}_bucket{{operation=\"get\",le=\"0.1\"}} 7\n{name}_bucket{{operation=\"get\",le=\"+Inf\"}} 9\n\
             {name}_count{{operation=\"get\"}} 9\n{name}_count{{operation=\"set\"}} 1\n"
        );
        assert_eq!(slow(&scrape), Some(3.0));
        assert_eq!(slow(&format!("{name}_count 0\n")), None);
    }

    #[test]
    fn a_steady_rate_does_not_drift() {
        let counts = |of: fn(f64) -> f64| -> Vec<_> {
            (0..=20).map(|second| (Duration::from_secs(second), of(second as f64))).collect()
        };
        assert!((drift(&counts(|second| 5.0 * second)) - 1.0).abs() < 1e-9);
        // All of them in the first half.
        assert!(drift(&counts(|second| 5.0 * second.min(10.0))).abs() < 1e-9);
        assert!(drift(&[]).is_nan());
    }
}
