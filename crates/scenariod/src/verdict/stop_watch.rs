//! Looks at the `stop_when` conditions of a run while its faults are on, and stops the run when one is met or cannot be
//! read. Healing is the walk's business. What counts as met is decided in `judge::stop`.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_core::families::client::readings;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::prometheus::Prometheus;
use crate::promql::Nodes;
use crate::scenario::expectation::StopRule;
use crate::scenario::phase_times::PhaseTimes;
use crate::verdict::judge::stop::{Cause, Seen, Watch};

/// As often as the lab scrapes.
const POLL: Duration = Duration::from_secs(1);

/// Why a run was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) rule: String,
    pub(crate) cause: Cause,
    pub(crate) lasting: Duration,
}

/// A watch over one run.
#[derive(Debug)]
pub(crate) struct StopWatch {
    stopped: Arc<OnceLock<Stopped>>,
    task: Option<JoinHandle<()>>,
}

/// What is watched, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) prometheus: Prometheus,
    /// So long metrics may be unreadable.
    pub(crate) grace: Duration,
    pub(crate) rules: Vec<StopRule>,
    pub(crate) targets: BTreeSet<String>,
    pub(crate) nodes: Vec<String>,
}

impl StopWatch {
    /// A run without conditions is not watched.
    pub(crate) fn start(
        watched: Option<Watched>,
        moments: watch::Receiver<PhaseTimes>,
        stop: CancellationToken,
    ) -> StopWatch {
        let stopped = Arc::<OnceLock<Stopped>>::default();
        let found = Arc::clone(&stopped);
        let watched = watched.filter(|watched| !watched.rules.is_empty());
        let task = watched.map(|watched| {
            tokio::spawn(async move {
                if let Some(cause) = watched.watch(moments).await
                    && found.set(cause).is_ok()
                {
                    stop.cancel();
                }
            })
        });
        StopWatch { stopped, task }
    }

    /// Ends the watch; what stopped the run, if this did.
    pub(crate) fn end(self) -> Option<Stopped> {
        if let Some(task) = self.task {
            task.abort();
        }
        self.stopped.get().cloned()
    }
}

impl Watched {
    async fn watch(&self, mut moments: watch::Receiver<PhaseTimes>) -> Option<Stopped> {
        moments.wait_for(PhaseTimes::is_testing).await.ok()?;
        let begin = Instant::now();
        let mut rules: Vec<(&StopRule, Watch)> =
            self.rules.iter().map(|rule| (rule, Watch::new(rule.lasting, self.grace))).collect();
        let mut beat = tokio::time::interval(POLL);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            beat.tick().await;
            if !moments.borrow().is_testing() {
                return None;
            }
            for (rule, watch) in &mut rules {
                let seen = self.look(rule).await;
                // A look that outlasted testing is about another phase.
                if !moments.borrow().is_testing() {
                    return None;
                }
                if let Some(cause) = watch.observe(begin.elapsed(), seen) {
                    return Some(Stopped { rule: rule.name.clone(), cause, lasting: rule.lasting });
                }
            }
        }
    }

    async fn look(&self, rule: &StopRule) -> Seen {
        let nodes = Nodes { targets: &self.targets, all: &self.nodes };
        // Without other nodes, a condition on them is never met.
        let Some(filled) = rule.query.fill(nodes) else { return Seen::No };
        // Of a target that is gone, Prometheus still tells the last values for minutes.
        match self.prometheus.instant(&readings::answering(), None).await {
            Ok(up) if Seen::of(&up) == Seen::Yes => {}
            Ok(_) | Err(_) => return Seen::Nothing,
        }
        match self.prometheus.instant(&filled.promql, None).await {
            Ok(answer) => Seen::of(&answer),
            Err(error) => {
                tracing::warn!(%error, rule = rule.name, "cannot read a stop condition");
                Seen::Nothing
            }
        }
    }
}
