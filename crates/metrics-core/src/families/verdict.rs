//! What the last run of each scenario was found to show: expectations, and how long nodes took to be noticed and to heal.
//! Who judges, and from what, is not known here.

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
    "What the last run showed of an expectation: 1 it held, 0 it did not, -1 inconclusive; no series before the first verdict, nor where it does not apply",
);
const DETECT: Family = Family::gauge(
    "scenario_time_to_detect_seconds",
    &["scenario", "server"],
    "From the start of testing to the first opening of the node's breaker in the last run, in seconds; no series if it stayed closed",
);
const RECOVER: Family = Family::gauge(
    "scenario_time_to_recover_seconds",
    &["scenario", "server"],
    "From the start of recovery to the node's last error or the closing of its breaker, in seconds; no series if it did not recover",
);

pub(super) const FAMILIES: &[&Family] = &[&EXPECTATION, &DETECT, &RECOVER];

/// How long a node took in one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeTimes {
    /// Until the breaker opened.
    pub detect: Option<Duration>,
    /// Until errors had ended.
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

/// What one run showed.
#[derive(Clone, Debug, Default)]
pub struct RunFindings {
    /// By expectation. One that does not apply to the run has no series.
    pub findings: Vec<(String, Option<Finding>)>,
    /// By node.
    pub times: Vec<(String, NodeTimes)>,
}

/// The families of the verdict.
#[derive(Debug)]
pub struct VerdictFamilies(Locked<BTreeMap<String, RunFindings>>);

impl VerdictFamilies {
    /// Registers the families. No run has been judged: there is no series yet.
    pub fn register(registry: &mut Registry) -> Arc<VerdictFamilies> {
        let families = Arc::new(VerdictFamilies(Locked::new(BTreeMap::new())));
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// A run was judged; what an earlier run of the scenario showed is forgotten.
    pub fn judged(&self, scenario: &str, shown: RunFindings) {
        self.0.lock().insert(scenario.to_owned(), shown);
    }
}

impl Collector for VerdictFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let state = self.0.lock().clone();
        let e = &mut encoder;
        EXPECTATION.encode(e, |series| {
            state.iter().try_for_each(|(scenario, shown)| {
                let findings =
                    shown.findings.iter().filter_map(|(name, finding)| Some((name, finding.as_ref()?)));
                findings
                    .into_iter()
                    .try_for_each(|(name, finding)| series.number(&[scenario, name], finding.value()))
            })
        })?;
        for (family, pick) in
            [(DETECT, NodeTimes::detect as fn(&NodeTimes) -> _), (RECOVER, NodeTimes::recover)]
        {
            family.encode(e, |series| {
                state.iter().try_for_each(|(scenario, shown)| {
                    let known = shown.times.iter().filter_map(|(server, times)| Some((server, pick(times)?)));
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
    fn only_what_the_last_run_showed_has_a_series() {
        let mut registry = Registry::default();
        let families = VerdictFamilies::register(&mut registry);
        assert_eq!(text(&registry), "");
        let times = NodeTimes { detect: Some(Duration::from_millis(600)), recover: None };
        families
            .judged("x", RunFindings { findings: vec![("old".into(), Some(Finding::Pass))], times: vec![] });
        families.judged(
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
