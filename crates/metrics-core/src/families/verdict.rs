//! The families of the last verdict of each scenario: results of expectations, and times to detect and to recover. How a
//! verdict is reached is not known here.

use std::collections::BTreeMap;
use std::fmt::Error;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::family::Family;
use crate::labels::Finding;
use crate::locked::Locked;

const EXPECTATION: Family = Family::gauge(
    "scenario_expectation_result",
    &["scenario", "expectation"],
    "Result of an expectation in the last run: 1 met, 0 not met, -1 inconclusive; no series before the first verdict, nor if the expectation does not apply",
);
const DETECT: Family = Family::gauge(
    "scenario_time_to_detect_seconds",
    &["scenario", "server"],
    "Time from the start of testing until the node's breaker first opened in the last run, in seconds; no series if it stayed closed",
);
const RECOVER: Family = Family::gauge(
    "scenario_time_to_recover_seconds",
    &["scenario", "server"],
    "Time from the start of recovery until the node's last error or until its breaker closed, whichever is later, in seconds; no series if it did not recover",
);

pub(super) const FAMILIES: &[&Family] = &[&EXPECTATION, &DETECT, &RECOVER];

/// The times of a node in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTimes {
    /// Time until the breaker opened.
    pub detect: Option<Duration>,
    /// Time until errors ended.
    pub recover: Option<Duration>,
}

impl NodeTimes {
    fn detect(&self) -> Option<Duration> {
        self.detect
    }

    fn recover(&self) -> Option<Duration> {
        self.recover
    }
}

/// The results of one run.
#[derive(Clone, Debug, Default)]
pub struct RunFindings {
    /// By expectation. `None` when it does not apply to the run: it has no series then.
    pub findings: Vec<(String, Option<Finding>)>,
    /// By node.
    pub times: Vec<(String, NodeTimes)>,
}

/// The families of the verdict.
#[derive(Debug)]
pub struct VerdictFamilies(Locked<BTreeMap<String, RunFindings>>);

impl VerdictFamilies {
    /// Registers the families. There are no series before the first verdict.
    pub fn register(registry: &mut Registry) -> Arc<VerdictFamilies> {
        let families = Arc::new(VerdictFamilies(Locked::new(BTreeMap::new())));
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// Sets the results of a scenario's last run. They replace those of the run before.
    pub fn record(&self, scenario: &str, findings: RunFindings) {
        self.0.lock().insert(scenario.to_owned(), findings);
    }
}

impl Collector for VerdictFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let state = self.0.lock().clone();
        let e = &mut encoder;
        EXPECTATION.encode(e, |series| {
            state.iter().try_for_each(|(scenario, run)| {
                let findings =
                    run.findings.iter().filter_map(|(name, finding)| Some((name, finding.as_ref()?)));
                findings
                    .into_iter()
                    .try_for_each(|(name, finding)| series.number(&[scenario, name], finding.value()))
            })
        })?;
        for (family, pick) in
            [(DETECT, NodeTimes::detect as fn(&NodeTimes) -> _), (RECOVER, NodeTimes::recover)]
        {
            family.encode(e, |series| {
                state.iter().try_for_each(|(scenario, run)| {
                    let known = run.times.iter().filter_map(|(server, times)| Some((server, pick(times)?)));
                    known
                        .into_iter()
                        .try_for_each(|(server, time)| series.number(&[scenario, server], time.as_secs_f64()))
                })
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn only_results_of_the_last_run_have_series() {
        let mut registry = Registry::default();
        let families = VerdictFamilies::register(&mut registry);
        assert_eq!(text(&registry), "");
        let times = NodeTimes { detect: Some(Duration::from_millis(600)), recover: None };
        families
            .record("x", RunFindings { findings: vec![("old".into(), Some(Finding::Pass))], times: vec![] });
        families.record(
            "x",
            RunFindings {
                findings: vec![
                    ("holds".into(), Some(Finding::Pass)),
                    ("breaks".into(), Some(Finding::Fail)),
                    ("unclear".into(), Some(Finding::Inconclusive)),
                    ("elsewhere".into(), None),
                ],
                times: vec![("memcached1".into(), times)],
            },
        );
        assert_eq!(
            text(&registry),
            "scenario_expectation_result{scenario=\"x\",expectation=\"holds\"} 1.0\n\
             scenario_expectation_result{scenario=\"x\",expectation=\"breaks\"} 0.0\n\
             scenario_expectation_result{scenario=\"x\",expectation=\"unclear\"} -1.0\n\
             scenario_time_to_detect_seconds{scenario=\"x\",server=\"memcached1\"} 0.6\n"
        );
    }
}
