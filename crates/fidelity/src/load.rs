//! The load under which the two losses are compared, and one measurement of it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use metrics_core::families::client::SERVICE;
use serde_json::Value;
use testkit::{Process, Scrape, command, find_workspace_bin, free_addr, sleep};

use crate::compare::Cell;
use crate::distribution::Distribution;
use crate::error::FidelityError;

const CONNECTIONS: u32 = 32;
/// The time that loadgen has besides its window, for its start and its end.
const MARGIN: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_millis(250);
const WORKLOAD: &str = "name: calibration\nweights: { get: 50, set: 50 }\nkeys: 1000\nvalue_size: 100\n";

/// How loadgen is started for every measurement.
#[derive(Debug)]
pub(crate) struct Loadgen {
    program: PathBuf,
    node: SocketAddr,
    window: Duration,
    workload: PathBuf,
    histogram: PathBuf,
}

impl Loadgen {
    pub(crate) fn new(node: SocketAddr, window: Duration, folder: &Path) -> Result<Self, FidelityError> {
        let program = find_workspace_bin("loadgen").map_err(|path| FidelityError::NotBuilt { path })?;
        let workload = folder.join("workload.yaml");
        fs::write(&workload, WORKLOAD)
            .map_err(|source| FidelityError::Write { path: workload.clone(), source })?;
        let histogram = folder.join("times.csv");
        Ok(Self { program, node, window, workload, histogram })
    }

    /// Loads the node for one window and reads loadgen's results.
    pub(crate) fn measure(&self, seed: u32) -> Result<Cell, FidelityError> {
        let metrics = free_addr();
        let line = format!(
            "--servers memcached1={} --concurrency {CONNECTIONS} --pool-size {CONNECTIONS} --threads 1 --think-time 0s \
             --op-timeout 500ms --connect-timeout 500ms --seed {seed} --duration {} --metrics-addr {metrics} --json",
            self.node,
            humantime::format_duration(self.window).to_string().replace(' ', ""),
        );
        let mut command = command(&self.program);
        command.args(line.split(' '));
        command.arg("--workload").arg(&self.workload).arg("--histogram").arg(&self.histogram);
        let loadgen = Process::start("loadgen", command)?;
        let slow = self.slow_counts(&loadgen, metrics)?;
        let output = loadgen.stdout();
        let summary: Value = serde_json::from_str(&output).map_err(|error| FidelityError::Run {
            program: "loadgen".to_owned(),
            source: std::io::Error::other(format!("{error}: {output}{}", loadgen.stderr())),
        })?;
        let number = |path: &str| summary.pointer(path).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let csv = fs::read_to_string(&self.histogram)
            .map_err(|source| FidelityError::Read { path: self.histogram.clone(), source })?;
        let service = Distribution::parse(&csv).ok_or_else(|| FidelityError::Read {
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

    /// The number of slow operations over time, until loadgen ends.
    fn slow_counts(
        &self,
        loadgen: &Process,
        metrics: SocketAddr,
    ) -> Result<Vec<(Duration, f64)>, FidelityError> {
        let (start, limit) = (Instant::now(), self.window + MARGIN);
        let mut counts = Vec::new();
        while loadgen.exit_status().is_none() {
            if start.elapsed() > limit {
                return Err(FidelityError::late(loadgen, "its end", limit));
            }
            // There is no answer before it serves and after its end.
            let slow = Scrape::get(metrics).ok().and_then(|page| slow_operations(&page));
            counts.extend(slow.map(|slow| (start.elapsed(), slow)));
            sleep(INTERVAL);
        }
        Ok(counts)
    }
}

/// Operations whose service took longer than 100 ms; `None` before the first operation.
fn slow_operations(page: &Scrape) -> Option<f64> {
    let all = page.sum(&format!("{}_count", SERVICE.name), []);
    (all > 0.0).then(|| all - page.sum(&format!("{}_bucket", SERVICE.name), [("le", "0.1")]))
}

/// The rate of slow operations in the second half of the counts over that in the first half.
fn drift(counts: &[(Duration, f64)]) -> f64 {
    let middle = counts.len() / 2;
    let rate = |half: &[(Duration, f64)]| match half {
        [(start, first), .., (end, last)] => (last - first) / (*end - *start).as_secs_f64(),
        _ => f64::NAN,
    };
    rate(&counts[middle..]) / rate(counts.get(..=middle).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{SERVICE, Scrape, drift, slow_operations};

    #[test]
    fn slow_operations_are_outside_the_bucket() {
        let name = SERVICE.name;
        let page = format!(
            "{name}_bucket{{operation=\"get\",le=\"0.1\"}} 7\n{name}_bucket{{operation=\"get\",le=\"+Inf\"}} 9\n\
             {name}_count{{operation=\"get\"}} 9\n{name}_count{{operation=\"set\"}} 1\n"
        );
        assert_eq!(slow_operations(&Scrape::parse(&page)), Some(3.0));
        assert_eq!(slow_operations(&Scrape::parse(&format!("{name}_count 0\n"))), None);
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
