//! The repository's `prometheus.yml` with the targets and the interval of a test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_yaml::{Mapping, Value as Yaml};

/// `text` with these targets by job and, if given, this interval. The rule files are read from `folder`. A job without a
/// target is left out.
#[track_caller]
pub(super) fn adapt(
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
    assert_eq!(
        jobs.len(),
        targets.len(),
        "prometheus.yml does not have all of these jobs: {:?}",
        targets.keys()
    );
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
