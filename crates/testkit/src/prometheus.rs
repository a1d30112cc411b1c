//! A real Prometheus with the repository's own configuration, its targets and interval replaced.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value as Json;
use serde_yaml::{Mapping, Value as Yaml};
use tempfile::TempDir;

use crate::process::{Process, launch};
use crate::programs::{program, workspace};
use crate::wait::eventually;
use crate::{http, ports};

/// What Prometheus has against a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError(pub String);

/// One series of an answer; an instant query gives it one point.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, `__name__` too where it has one.
    pub labels: BTreeMap<String, String>,
    /// Time in Unix seconds, value.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// The newest value.
    pub fn value(&self) -> f64 {
        self.points.last().map_or(f64::NAN, |(_, value)| *value)
    }
}

/// A Prometheus on a free loopback port, killed on drop together with its data.
pub struct Prometheus {
    addr: SocketAddr,
    _data: TempDir,
    _process: Process,
}

impl Prometheus {
    /// Starts one that scrapes these targets, by job, at the interval of `prometheus/prometheus.yml`. It has tried
    /// each of them when this returns, some 5 s later.
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
        let mut by_job = BTreeMap::<_, Vec<_>>::new();
        for (job, addr) in targets {
            by_job.entry(job).or_default().push(addr.to_string());
        }
        let prometheus = Self::run(tempfile::tempdir().expect("temporary folder"), interval.into(), &by_job);
        // It first looks at its targets seconds after it says that it is ready.
        let targets: usize = by_job.values().map(Vec::len).sum();
        prometheus.wait_for("up", Duration::from_secs(30), |series| series.len() == targets);
        prometheus
    }

    /// Starts one that scrapes nothing and remembers this: samples with their times, in OpenMetrics text.
    #[track_caller]
    pub fn over(samples: &str) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let file = folder.path().join("samples");
        std::fs::write(&file, samples).expect("samples");
        let mut import = Command::new(program("promtool"));
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
        let rules = file.canonicalize().expect("its path").with_file_name("");
        let config = adapt(&text, &rules, interval, targets);
        std::fs::write(data.path().join("prometheus.yml"), config).expect("prometheus.yml");
        let plan = || {
            let addr = ports::reserve().addr;
            let mut command = Command::new(program("prometheus"));
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
        let (addr, process) = launch("prometheus", plan, ready);
        Self { addr, _data: data, _process: process }
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// An instant query, now.
    ///
    /// # Panics
    /// When Prometheus refuses it; also the next ones.
    #[track_caller]
    pub fn query(&self, promql: &str) -> Vec<Series> {
        self.try_query(promql, None).unwrap_or_else(|error| panic!("{promql}: {}", error.0))
    }

    /// A range query; times in Unix seconds.
    #[track_caller]
    pub fn query_range(&self, promql: &str, start: f64, end: f64, step: Duration) -> Vec<Series> {
        self.try_query_range(promql, start, end, step).unwrap_or_else(|error| panic!("{promql}: {}", error.0))
    }

    /// Queries until the answer pleases `predicate`; returns that answer. The last one is shown on failure.
    #[track_caller]
    pub fn wait_for(
        &self,
        promql: &str,
        deadline: Duration,
        mut predicate: impl FnMut(&[Series]) -> bool,
    ) -> Vec<Series> {
        let mut last = Vec::new();
        let begin = std::time::Instant::now();
        eventually(promql, deadline + Duration::from_secs(1), || {
            last = self.query(promql);
            let good = predicate(&last);
            if !good && begin.elapsed() > deadline {
                eprintln!("last answer to {promql}: {last:?}");
            }
            good
        });
        last
    }

    /// As [`Prometheus::query`], at a time in Unix seconds.
    ///
    /// # Errors
    /// What Prometheus has against it.
    pub fn try_query(&self, promql: &str, time: Option<f64>) -> Result<Vec<Series>, QueryError> {
        let time = time.map_or(String::new(), |time| format!("&time={time:.3}"));
        self.api(&format!("query?query={}{time}", http::encode(promql))).map(|data| series(&data))
    }

    /// As [`Prometheus::query_range`].
    ///
    /// # Errors
    /// What Prometheus has against it.
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

    /// The values of a label over the series that match, as a dashboard variable asks for them.
    ///
    /// # Errors
    /// What Prometheus has against it.
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

fn series(data: &Json) -> Vec<Series> {
    let point = |pair: &Json| Some((pair[0].as_f64()?, pair[1].as_str()?.parse().ok()?));
    if data["resultType"] == "scalar" {
        return vec![Series {
            labels: BTreeMap::new(),
            points: point(&data["result"]).into_iter().collect(),
        }];
    }
    let one = |entry: &Json| {
        let labels = entry["metric"].as_object().into_iter().flatten();
        let labels =
            labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        let points = match entry["values"].as_array() {
            Some(values) => values.iter().filter_map(point).collect(),
            None => point(&entry["value"]).into_iter().collect(),
        };
        Series { labels, points }
    };
    data["result"].as_array().into_iter().flatten().map(one).collect()
}

/// The same file with our targets and, where given, our interval. Rules stay where they are. A job without a target is left out.
#[track_caller]
fn adapt(
    text: &str,
    folder: &Path,
    interval: Option<Duration>,
    targets: &BTreeMap<&str, Vec<String>>,
) -> String {
    let mut config: Mapping = serde_yaml::from_str(text).expect("prometheus.yml is YAML");
    if let Some(interval) = interval {
        let millis = |time: Duration| Yaml::from(format!("{}ms", time.as_millis()));
        let global =
            config.get_mut("global").and_then(Yaml::as_mapping_mut).expect("prometheus.yml has `global`");
        global.insert("scrape_interval".into(), millis(interval));
        global.insert("scrape_timeout".into(), millis(interval * 9 / 10));
        global.insert("evaluation_interval".into(), millis(interval));
    }
    for rule in config.get_mut("rule_files").and_then(Yaml::as_sequence_mut).into_iter().flatten() {
        *rule = folder.join(rule.as_str().expect("a rule file's path")).display().to_string().into();
    }
    let jobs = config
        .get_mut("scrape_configs")
        .and_then(Yaml::as_sequence_mut)
        .expect("prometheus.yml has `scrape_configs`");
    let name = |job: &Yaml| job["job_name"].as_str().unwrap_or_default().to_owned();
    jobs.retain(|job| targets.contains_key(name(job).as_str()));
    assert_eq!(jobs.len(), targets.len(), "prometheus.yml has not all of these jobs: {:?}", targets.keys());
    for job in jobs {
        let addrs = &targets[name(job).as_str()];
        let job = job.as_mapping_mut().expect("a job");
        job.remove("file_sd_configs");
        let addrs = Yaml::Sequence(addrs.iter().map(|addr| addr.as_str().into()).collect());
        let group = Mapping::from_iter([("targets".into(), addrs)]);
        job.insert("static_configs".into(), Yaml::Sequence(vec![group.into()]));
    }
    serde_yaml::to_string(&config).expect("YAML")
}
