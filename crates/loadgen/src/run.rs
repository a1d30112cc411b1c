//! One run from the bound port to the summary: the only file that sees all the others. Binds first, then waits for the
//! nodes, then starts the load; ends with the load drained.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon_core::exit::{Exit, UserError};
use daemon_core::runtime;
use daemon_core::signals::Signals;
use daemon_core::values::HostPort;
use metrics_core::Registry;
use metrics_core::exporter::Exporter;
use metrics_core::families::client::ClientFamilies;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::ledger::WriteLedger;
use crate::load::{self, ThreadSpec};
use crate::plan::{LoadPlan, Pace, Plan, Target};
use crate::ready::{self, NotReadyError};
use crate::recorder::RecorderFactory;
use crate::stack::conn::meta::MetaClient;
use crate::stack::deadline::now;
use crate::stack::node::Node;
use crate::state::RunState;
use crate::summary::{Histogram, RunInfo, summarize};
use crate::{sampler, warm};

/// From the end of the warm-up to the first operation of an open loop: a thread and its workers are up by then, so that
/// it is not late. About twice what it takes.
fn lead_time(load: &LoadPlan) -> Duration {
    let workers = u32::try_from(load.workers / load.threads.max(1)).unwrap_or(u32::MAX);
    Duration::from_millis(3) + Duration::from_micros(6) * workers
}

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("cannot serve metrics on {addr}")]
    Bind { addr: HostPort, source: io::Error },
    #[error("cannot start")]
    System(#[from] io::Error),
    #[error("{0}")]
    NotReady(NotReadyError),
    #[error("the load cannot go on")]
    Load { source: io::Error },
}

impl UserError for RunError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                Some("--metrics-addr picks another address, LAB_PORT_OFFSET moves a whole lab".to_owned())
            }
            Self::Bind { .. } | Self::System(_) | Self::Load { .. } => None,
            Self::NotReady(error) => error.hint(),
        }
    }
}

/// What a run left.
pub(crate) struct RunResult {
    pub(crate) summary: String,
    pub(crate) histogram: Histogram,
    /// Wrong values that were read.
    pub(crate) corrupt: u64,
}

impl RunResult {
    fn new(info: &RunInfo, families: &ClientFamilies, ran: Duration) -> RunResult {
        let (summary, histogram) = summarize(info, families, ran);
        RunResult { summary, histogram, corrupt: families.totals().corrupt }
    }
}

/// Sends the load that was planned, to its end or to a signal; the summary is the answer.
pub(crate) fn run(plan: Plan, export: &impl RecorderFactory) -> Result<RunResult, RunError> {
    let addr = &plan.metrics_addr;
    let listener = TcpListener::bind((addr.host(), addr.port()))
        .map_err(|source| RunError::Bind { addr: addr.clone(), source })?;
    let runtime = runtime::current_thread()?;
    runtime.block_on(supervise(plan, listener, export))
}

async fn supervise(
    plan: Plan,
    listener: TcpListener,
    export: &impl RecorderFactory,
) -> Result<RunResult, RunError> {
    let mut signals = Signals::install()?;
    let served = listener.local_addr()?;
    let state = RunState::new(build_nodes(&plan), plan.load.threads);
    let mut registry = Registry::default();
    let names: Vec<String> = plan.nodes.iter().map(|node| node.name.clone()).collect();
    let edges = [plan.client.timeouts.operation, plan.client.timeouts.connect];
    let shards = plan.load.threads;
    let families =
        ClientFamilies::register(&mut registry, &names, shards, &edges, Arc::<RunState>::clone(&state));
    let exporter = Exporter::new(registry);
    let (readiness, runtimes) = (exporter.readiness(), exporter.runtimes());
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(exporter.serve(listener, shutdown.clone()));
    let info = RunInfo::new(&plan);
    let LoadPlan { workload, workers, pace, seed, .. } = &plan.load;
    tracing::info!(metrics = %served, seed, nodes = plan.nodes.len(), workload, workers, %pace, "started");

    let client = MetaClient;
    readiness.set_not_ready("waiting for the nodes");
    let attempt = plan.client.timeouts.connect + plan.client.timeouts.operation;
    let connections = tokio::select! {
        ready = ready::wait_for_nodes(&client, &plan.nodes, attempt, plan.ready_timeout) => ready.map_err(RunError::NotReady)?,
        _ = signals.recv() => return Ok(RunResult::new(&info, &families, Duration::ZERO)),
    };
    let ledger = WriteLedger::new(plan.load.mix.keys.keys(), fastrand::u64(..), now());
    tokio::select! {
        () = warm::warm_cache(connections, &plan.nodes, &plan.load, &ledger) => {}
        _ = signals.recv() => return Ok(RunResult::new(&info, &families, Duration::ZERO)),
    }

    let stop = CancellationToken::new();
    let with_export = |shard| (shard, export.recorder(&names));
    let recorders = (0..shards).filter_map(|index| families.shard(index).map(with_export)).collect();
    let began = now() + lead_time(&plan.load);
    let end = plan.duration.map(|duration| began + duration);
    let pace = plan.load.pace;
    if let Pace::Open { profile, .. } = pace {
        state.begin_open_loop(profile, began);
    }
    let spec = ThreadSpec {
        client,
        load: plan.load,
        stack: plan.client,
        state: Arc::clone(&state),
        began,
        end,
        ledger: Arc::new(ledger),
        stop: stop.clone(),
    };
    let load = load::start_threads(&spec, recorders, &runtimes)?;
    readiness.set_ready();
    tokio::select! {
        signal = signals.recv() => tracing::info!(signal = signal.name(), "draining"),
        () = sleep_until_end(end) => {}
        () = stop.cancelled() => {}
        () = sampler::sample_rates(Arc::clone(&families)) => {}
    }

    readiness.set_not_ready("draining");
    stop.cancel();
    state.end_open_loop();
    let ended = now();
    let ran = end.map_or(ended, |end| end.min(ended)).saturating_duration_since(began);
    load.join().await.map_err(|source| RunError::Load { source })?;
    let ended = RunResult::new(&info, &families, ran);
    shutdown.cancel();
    if let Ok(Err(error)) = server.await {
        tracing::warn!(%error, "the metrics server ended badly");
    }
    Ok(ended)
}

fn build_nodes(plan: &Plan) -> Arc<[Node]> {
    let node = |target: &Target| {
        let (name, dial) = (target.name.clone(), target.dial.clone());
        Node::new(name, dial, plan.client.breaker.clone(), plan.load.threads, now())
    };
    plan.nodes.iter().map(node).collect()
}

async fn sleep_until_end(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}
