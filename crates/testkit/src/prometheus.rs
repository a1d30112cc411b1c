//! A real Prometheus with the repository's own configuration, except for targets and interval.

mod config;
mod result;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::environment::command;
use crate::process::{Process, launch, started};
use crate::programs::{program, workspace};
use crate::wait::holds_within;
use crate::{http, ports};
use config::adapt;
use result::series;

pub use result::{QueryError, Series};

/// A Prometheus on a free loopback port, killed on drop together with its data.
pub struct Prometheus {
    addr: SocketAddr,
    _data: TempDir,
    _process: Process,
}

impl Prometheus {
    /// Starts one that scrapes these targets, by job, at the interval of `prometheus/prometheus.yml`. When this returns,
    /// after about 5 s, it has tried to scrape each of them.
    #[track_caller]
    pub fn start<'a>(targets: impl IntoIterator<Item = (&'a str, SocketAddr)>) -> Self {
        Self::start_every(None, targets)
    }

    /// As [`Prometheus::start`], with another scrape and rule interval.
    #[track_caller]
    pub fn start_every<'a>(
        interval: impl Into<Option<Duration>>,
        targets: impl IntoIterator<Item = (&'a str, SocketAddr)>,
    ) -> Self {
        let by_job = by_job(targets);
        let prometheus = Self::run(tempfile::tempdir().expect("temporary folder"), interval.into(), &by_job);
        // It is ready some seconds before it scrapes its targets for the first time.
        let targets: usize = by_job.values().map(Vec::len).sum();
        prometheus.wait_for("up", Duration::from_secs(30), |series| series.len() == targets);
        prometheus
    }

    /// Kills it and starts it again with its data, to scrape these targets. Prometheus then returns the last samples of former
    /// targets for five minutes, because it did not see them go.
    #[track_caller]
    pub fn restart_with<'a>(
        self,
        interval: impl Into<Option<Duration>>,
        targets: impl IntoIterator<Item = (&'a str, SocketAddr)>,
    ) -> Self {
        let Self { _data: data, _process: process, .. } = self;
        drop(process);
        let by_job = by_job(targets);
        let killed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let prometheus = Self::run(data, interval.into(), &by_job);
        let new = format!("timestamp(up) > {}", killed.as_secs_f64());
        let targets: usize = by_job.values().map(Vec::len).sum();
        prometheus.wait_for(&new, Duration::from_secs(30), |series| series.len() == targets);
        prometheus
    }

    /// Starts one that scrapes nothing and holds these samples: OpenMetrics text with a time on each line.
    #[track_caller]
    pub fn with_samples(samples: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("samples");
        std::fs::write(&file, samples).expect("samples");
        let mut import = command(program("promtool"));
        import.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(file).arg(folder.path().join("data"));
        let output = import.output().expect("promtool starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self::run(folder, None, &BTreeMap::new())
    }

    #[track_caller]
    fn run(data: TempDir, interval: Option<Duration>, targets: &BTreeMap<&str, Vec<String>>) -> Self {
        let file = workspace().join("prometheus/prometheus.yml");
        let text =
            std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let folder = file.canonicalize().expect("its path").with_file_name("");
        let config = adapt(&text, &folder, interval, targets);
        std::fs::write(data.path().join("prometheus.yml"), config).expect("prometheus.yml");
        let plan = || {
            let addr = ports::reserve().addr;
            let mut command = command(program("prometheus"));
            command.arg(format!("--config.file={}", data.path().join("prometheus.yml").display()));
            command.arg(format!("--storage.tsdb.path={}", data.path().join("data").display()));
            command
                .arg(format!("--web.listen-address={addr}"))
                .arg("--log.level=warn")
                .current_dir(data.path());
            (addr, command)
        };
        let ready = |addr: &SocketAddr, _| {
            http::get(&format!("http://{addr}/-/ready")).is_ok_and(|answer| answer.status == 200)
        };
        let (addr, process) = started(launch("prometheus", plan, ready));
        Self { addr, _data: data, _process: process }
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// An instant query, now.
    ///
    /// # Panics
    /// When Prometheus refuses it.
    #[track_caller]
    pub fn query(&self, promql: &str) -> Vec<Series> {
        self.try_query(promql, None).unwrap_or_else(|error| panic!("{promql}: {}", error.0))
    }

    /// A range query. Times are in Unix seconds.
    ///
    /// # Panics
    /// When Prometheus refuses it.
    #[track_caller]
    pub fn query_range(&self, promql: &str, start: f64, end: f64, step: Duration) -> Vec<Series> {
        self.try_query_range(promql, start, end, step).unwrap_or_else(|error| panic!("{promql}: {}", error.0))
    }

    /// Queries until `predicate` accepts the result, and returns that result.
    ///
    /// # Panics
    /// When it accepts none within `deadline`: the message shows the last result. Also when Prometheus refuses the query.
    #[track_caller]
    pub fn wait_for(
        &self,
        promql: &str,
        deadline: Duration,
        mut predicate: impl FnMut(&[Series]) -> bool,
    ) -> Vec<Series> {
        let mut last = Vec::new();
        let accepted = holds_within(deadline, || {
            last = self.query(promql);
            Ok::<_, Infallible>(predicate(&last))
        });
        assert!(
            accepted == Ok(true),
            "timed out after {deadline:?} waiting for: {promql}\nlast result: {last:?}"
        );
        last
    }

    /// As [`Prometheus::query`], at a time in Unix seconds.
    ///
    /// # Errors
    /// Why Prometheus refused it.
    pub fn try_query(&self, promql: &str, time: Option<f64>) -> Result<Vec<Series>, QueryError> {
        let time = time.map_or(String::new(), |time| format!("&time={time:.3}"));
        self.api(&format!("query?query={}{time}", http::encode(promql))).map(|data| series(&data))
    }

    /// As [`Prometheus::query_range`].
    ///
    /// # Errors
    /// Why Prometheus refused it.
    pub fn try_query_range(
        &self,
        promql: &str,
        start: f64,
        end: f64,
        step: Duration,
    ) -> Result<Vec<Series>, QueryError> {
        let query = http::encode(promql);
        let path =
            format!("query_range?query={query}&start={start:.3}&end={end:.3}&step={}", step.as_secs_f64());
        self.api(&path).map(|data| series(&data))
    }

    /// The values of a label over the matching series, as a dashboard variable queries them.
    ///
    /// # Errors
    /// Why Prometheus refused it.
    pub fn label_values(
        &self,
        label: &str,
        matching: &str,
        start: f64,
        end: f64,
    ) -> Result<Vec<String>, QueryError> {
        let data = self.api(&format!(
            "label/{label}/values?match[]={}&start={start:.3}&end={end:.3}",
            http::encode(matching)
        ))?;
        Ok(data
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect())
    }

    fn api(&self, path: &str) -> Result<Json, QueryError> {
        let error = |error: &dyn std::fmt::Display| QueryError(error.to_string());
        let answer = http::get(&format!("{}/api/v1/{path}", self.url())).map_err(|e| error(&e))?;
        let mut json: Json = serde_json::from_str(&answer.body).map_err(|e| error(&e))?;
        if json["status"] == "success" {
            Ok(json["data"].take())
        } else {
            Err(error(&json["error"].as_str().unwrap_or("no reason given")))
        }
    }
}

fn by_job<'a>(targets: impl IntoIterator<Item = (&'a str, SocketAddr)>) -> BTreeMap<&'a str, Vec<String>> {
    let mut by_job = BTreeMap::<_, Vec<_>>::new();
    for (job, addr) in targets {
        by_job.entry(job).or_default().push(addr.to_string());
    }
    by_job
}
