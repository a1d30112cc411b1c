//! Checks the `stop_when` conditions of a run while its faults are active, and stops the run when one is met or cannot be
//! read. Faults are removed by the run itself. When a condition counts as met is decided in `judgement::stop`.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::prometheus::Prometheus;
use crate::promql::Nodes;
use crate::scenario::expectation::StopRule;
use crate::scenario::phase_times::PhaseTimes;
use crate::verdict::judgement::stop::{ConditionWatch, Observation, StopCause};
use crate::verdict::live_series::{LiveSeries, read_presence};

/// The scrape interval of the lab.
const POLL: Duration = Duration::from_secs(1);

/// Why a run was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StopReason {
    pub(crate) rule: String,
    pub(crate) cause: StopCause,
    /// How long the condition has to be true.
    pub(crate) lasting: Duration,
}

/// The background task that checks the conditions of one run.
#[derive(Debug)]
pub(crate) struct StopWatch {
    reason: Arc<OnceLock<StopReason>>,
    task: Option<JoinHandle<()>>,
}

/// The stop conditions of one run, and what is needed to read them.
#[derive(Clone, Debug)]
pub(crate) struct StopConditions {
    pub(crate) prometheus: Prometheus,
    /// How long metrics may be unreadable.
    pub(crate) grace: Duration,
    pub(crate) rules: Vec<StopRule>,
    pub(crate) targets: BTreeSet<String>,
    pub(crate) nodes: Vec<String>,
}

impl StopWatch {
    /// Starts no task for a run without conditions.
    pub(crate) fn start(
        conditions: Option<StopConditions>,
        moments: watch::Receiver<PhaseTimes>,
        stop: CancellationToken,
    ) -> StopWatch {
        let reason = Arc::<OnceLock<StopReason>>::default();
        let found = Arc::clone(&reason);
        let conditions = conditions.filter(|conditions| !conditions.rules.is_empty());
        let task = conditions.map(|conditions| {
            tokio::spawn(async move {
                if let Some(reason) = conditions.watch(moments).await
                    && found.set(reason).is_ok()
                {
                    stop.cancel();
                }
            })
        });
        StopWatch { reason, task }
    }

    /// Ends the task. Returns why it stopped the run, if it did.
    pub(crate) fn end(self) -> Option<StopReason> {
        if let Some(task) = self.task {
            task.abort();
        }
        self.reason.get().cloned()
    }
}

impl StopConditions {
    async fn watch(&self, mut moments: watch::Receiver<PhaseTimes>) -> Option<StopReason> {
        moments.wait_for(PhaseTimes::is_testing).await.ok()?;
        let begin = Instant::now();
        let mut rules: Vec<(&StopRule, ConditionWatch)> =
            self.rules.iter().map(|rule| (rule, ConditionWatch::new(rule.lasting, self.grace))).collect();
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            if !moments.borrow().is_testing() {
                return None;
            }
            for (rule, watch) in &mut rules {
                let observation = self.observe(rule).await;
                // If testing ended while the query ran, the answer may be about the next phase.
                if !moments.borrow().is_testing() {
                    return None;
                }
                if let Some(cause) = watch.observe(begin.elapsed(), observation) {
                    return Some(StopReason { rule: rule.name.clone(), cause, lasting: rule.lasting });
                }
            }
        }
    }

    async fn observe(&self, rule: &StopRule) -> Observation {
        let nodes = Nodes { targets: &self.targets, all: &self.nodes };
        // A condition on other nodes is never met if there are no other nodes.
        let Some(filled) = rule.query.fill(nodes) else { return Observation::False };
        // Prometheus can return the last values of a dead target for minutes, so the target itself is checked first.
        let presence = match read_presence(&self.prometheus).await {
            Ok(presence) if presence.answers() => presence,
            Ok(_) | Err(_) => return Observation::Unreadable,
        };
        match LiveSeries::new(&self.prometheus, &presence).instant(&filled.promql, None).await {
            Ok(series) => Observation::from_series(&series),
            Err(error) => {
                tracing::warn!(%error, rule = rule.name, "cannot read a stop condition");
                Observation::Unreadable
            }
        }
    }
}
