//! Serves the metrics of this daemon: which families it has and which series exist from the start. Values are set elsewhere.

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use daemon_core::values::HostPort;
use metrics_core::Registry;
use metrics_core::exporter::{Exporter, Readiness};
use metrics_core::families::scenario::{PlannedScenario, ScenarioFamilies};
use metrics_core::families::toxiproxy::{KnownFault, ToxiproxyFamilies};
use metrics_core::families::verdict::VerdictFamilies;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::plan::Plan;
use crate::scenario::{FaultEntry, Scenario};
use crate::toxiproxy::ToxiproxyError;

/// How long to wait for open requests at the end.
const DRAIN: Duration = Duration::from_secs(1);

/// A failure before the first run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
    #[error("cannot serve metrics on {addr}: {reason}")]
    Bind { addr: HostPort, reason: io::Error },
    #[error("cannot start the runtime: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Client(#[from] ToxiproxyError),
}

impl UserError for SetupError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            SetupError::Bind { reason, .. } if reason.kind() == io::ErrorKind::AddrInUse => {
                Some("another scenariod may be running; `--metrics-addr` sets another address".to_owned())
            }
            SetupError::Signals(_)
            | SetupError::Bind { .. }
            | SetupError::Runtime(_)
            | SetupError::Client(_) => None,
        }
    }
}

/// The families of this daemon.
#[derive(Debug)]
pub(crate) struct Families {
    pub(crate) scenario: Arc<ScenarioFamilies>,
    pub(crate) toxiproxy: Arc<ToxiproxyFamilies>,
    pub(crate) verdict: Arc<VerdictFamilies>,
}

/// A running metrics server.
#[derive(Debug)]
pub(crate) struct Serving {
    scrapes: watch::Receiver<u64>,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

impl Serving {
    pub(crate) fn scrapes(&self) -> watch::Receiver<u64> {
        self.scrapes.clone()
    }

    /// Stops the server. A scraper that does not read its response delays this by at most `DRAIN`.
    pub(crate) async fn shut_down(self) {
        self.shutdown.cancel();
        if tokio::time::timeout(DRAIN, self.task).await.is_err() {
            tracing::warn!("a scrape was still in progress at the end");
        }
    }
}

/// Called first, so that a second daemon fails before it changes anything.
pub(crate) fn bind(addr: &HostPort) -> Result<TcpListener, SetupError> {
    TcpListener::bind(addr.to_string()).map_err(|reason| SetupError::Bind { addr: addr.clone(), reason })
}

/// Serves the families of a command's runs, with every series at 0.
pub(crate) fn serve<'a>(
    listener: TcpListener,
    runs: impl Iterator<Item = (&'a Scenario, Plan)>,
    nodes: &[String],
) -> (Families, Serving) {
    let runs: Vec<(&Scenario, Plan)> = runs.collect();
    let mut registry = Registry::default();
    let families = Families {
        scenario: ScenarioFamilies::register(&mut registry, &each_planned(&runs)),
        toxiproxy: ToxiproxyFamilies::register(&mut registry, &known_faults(&runs, nodes)),
        verdict: VerdictFamilies::register(&mut registry),
    };
    let exporter = Exporter::new(registry);
    exporter.readiness().set_ready();
    let (scrapes, shutdown) = (exporter.scrapes(), CancellationToken::new());
    let task = tokio::spawn(exporter.serve(listener, shutdown.clone()));
    (families, Serving { scrapes, shutdown, task })
}

/// Serves the families of the guard. It is not ready until the readiness is set.
pub(crate) fn serve_guard(listener: TcpListener) -> (Arc<ToxiproxyFamilies>, Readiness, Serving) {
    let mut registry = Registry::default();
    let families = ToxiproxyFamilies::register_hygiene(&mut registry);
    let exporter = Exporter::new(registry);
    let readiness = exporter.readiness();
    let (scrapes, shutdown) = (exporter.scrapes(), CancellationToken::new());
    let task = tokio::spawn(exporter.serve(listener, shutdown.clone()));
    (families, readiness, Serving { scrapes, shutdown, task })
}

/// Each scenario once, even if it runs several times. What differs between its runs is set when a run starts.
fn each_planned(runs: &[(&Scenario, Plan)]) -> Vec<PlannedScenario> {
    let mut seen = BTreeSet::new();
    let first = runs.iter().filter(|(scenario, _)| seen.insert(&scenario.name));
    first.map(|(_, plan)| planned(plan)).collect()
}

/// The part of a plan that is exported.
pub(crate) fn planned(plan: &Plan) -> PlannedScenario {
    PlannedScenario {
        name: plan.scenario.clone(),
        stabilization: plan.phases.stabilization,
        testing: plan.phases.testing,
        recovery: plan.phases.recovery,
    }
}

/// Every fault on every node that it may hit.
fn known_faults(runs: &[(&Scenario, Plan)], nodes: &[String]) -> Vec<KnownFault> {
    let on = |entry: &FaultEntry| -> Vec<KnownFault> {
        // Each run picks other nodes for a count.
        let servers = entry.target.fixed_nodes(nodes).unwrap_or(nodes);
        let params = entry.fault.param_names();
        let known = |server: &String| KnownFault {
            server: server.clone(),
            fault: entry.fault.label(),
            params: params.clone(),
        };
        servers.iter().map(known).collect()
    };
    runs.iter().flat_map(|(scenario, _)| &scenario.faults).flat_map(on).collect()
}
