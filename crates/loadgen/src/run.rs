//! One run from the bound port to the summary, and the only file that sees all other modules. It binds the port, waits for
//! the nodes, fills the cache, runs the load and waits for the last operations.

mod metrics;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daemon_core::descriptors;
use daemon_core::exit::{Exit, UserError};
use daemon_core::runtime;
use daemon_core::signals::{Signal, Signals};
use daemon_core::values::HostPort;
use metrics_core::families::client::ClientFamilies;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use crate::ledger::WriteLedger;
use crate::limits::{self, DescriptorError};
use crate::load::{self, LoadThreads, ThreadSpec};
use crate::node_watch::{self, WatchPlan};
use crate::plan::{LoadPlan, Pace, Plan};
use crate::ready::{self, NotReadyError};
use crate::recorder::RecorderFactory;
use crate::stack::conn::meta::MetaClient;
use crate::stack::deadline::now;
use crate::summary::{Ending, Histogram, RunInfo, summarize};
use crate::{sampler, warm};
use metrics::MetricsServer;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("cannot serve metrics on {addr}")]
    Bind { addr: HostPort, source: io::Error },
    #[error("cannot start the load")]
    System(#[from] io::Error),
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    #[error("{0}")]
    NotReady(NotReadyError),
    #[error("cannot continue the load")]
    Load { source: io::Error },
}

impl UserError for RunError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::AddrInUse => Some(
                "choose another address with --metrics-addr, or move the whole lab with LAB_PORT_OFFSET"
                    .to_owned(),
            ),
            Self::Bind { .. } | Self::System(_) | Self::Load { .. } => None,
            Self::Descriptors(error) => error.hint(),
            Self::NotReady(error) => error.hint(),
        }
    }
}

/// The results of a run.
pub(crate) struct RunResult {
    pub(crate) summary: String,
    pub(crate) histogram: Histogram,
    /// The number of reads that returned a wrong value.
    pub(crate) corrupt: u64,
    /// The signal that ended the load before the requested duration.
    cut_short_by: Option<Signal>,
}

impl RunResult {
    fn new(info: &RunInfo, families: &ClientFamilies, ending: Ending) -> RunResult {
        let (summary, histogram) = summarize(info, families, ending);
        let cut_short_by = ending.signal.filter(|_| info.duration.is_some());
        RunResult { summary, histogram, corrupt: families.totals().corrupt, cut_short_by }
    }

    /// A signal is the normal end of a load without a duration. A load with one has not done what was asked.
    pub(crate) fn exit(&self) -> Exit {
        self.cut_short_by.map_or(Exit::Ok, Signal::exit)
    }
}

/// Sends the planned load until its end or a signal, and returns the results.
pub(crate) fn run(plan: Plan, factory: &impl RecorderFactory) -> Result<RunResult, RunError> {
    limits::check_descriptors(&plan, descriptors::limit())?;
    let addr = &plan.metrics_addr;
    let listener = TcpListener::bind((addr.host(), addr.port()))
        .map_err(|source| RunError::Bind { addr: addr.clone(), source })?;
    let runtime = runtime::current_thread()?;
    runtime.block_on(supervise(plan, listener, factory))
}

async fn supervise(
    plan: Plan,
    listener: TcpListener,
    factory: &impl RecorderFactory,
) -> Result<RunResult, RunError> {
    let mut signals = Signals::install()?;
    let metrics = MetricsServer::start(&plan, listener)?;
    let info = RunInfo::new(&plan);
    let LoadPlan { workload, workers, pace, seed, .. } = &plan.load;
    tracing::info!(metrics = %metrics.addr, seed, nodes = plan.nodes.len(), workload, workers, %pace, "started");

    metrics.readiness.set_not_ready("waiting for the nodes");
    let ledger = match warm_nodes(&plan, &mut signals).await? {
        Ok(ledger) => ledger,
        Err(signal) => {
            let ending = Ending { ran: Duration::ZERO, signal: Some(signal) };
            return Ok(RunResult::new(&info, &metrics.families, ending));
        }
    };
    let load = RunningLoad::start(plan, ledger, &metrics, factory)?;
    metrics.readiness.set_ready();
    let signal = load.wait_for_end(&mut signals, &metrics).await;
    metrics.readiness.set_not_ready("draining");
    let ran = load.drain(&metrics).await?;
    let result = RunResult::new(&info, &metrics.families, Ending { ran, signal });
    metrics.shut_down().await;
    Ok(result)
}

/// Waits for the nodes and stores the first values. Returns the ledger that knows these values, or the signal that came
/// before.
async fn warm_nodes(plan: &Plan, signals: &mut Signals) -> Result<Result<WriteLedger, Signal>, RunError> {
    let attempt = plan.client.timeouts.connect + plan.client.timeouts.operation;
    let connections = tokio::select! {
        ready = ready::wait_for_nodes(&MetaClient, &plan.nodes, attempt, plan.ready_timeout) => {
            ready.map_err(RunError::NotReady)?
        }
        signal = signals.recv() => return Ok(Err(signal)),
    };
    let ledger = WriteLedger::new(plan.load.mix.keys.keys(), fastrand::u64(..), now());
    tokio::select! {
        () = warm::warm_cache(connections, &plan.nodes, &plan.load, &ledger) => Ok(Ok(ledger)),
        signal = signals.recv() => Ok(Err(signal)),
    }
}

/// The load of a run from its start to its end.
struct RunningLoad {
    threads: LoadThreads,
    began: Instant,
    /// The planned end.
    end: Option<Instant>,
    stop: CancellationToken,
    watch: WatchPlan,
}

impl RunningLoad {
    fn start(
        plan: Plan,
        ledger: WriteLedger,
        metrics: &MetricsServer,
        factory: &impl RecorderFactory,
    ) -> io::Result<Self> {
        let watch = WatchPlan::new(&plan);
        let names: Vec<String> = plan.nodes.into_iter().map(|node| node.name).collect();
        let with_own_recorder = |shard| (shard, factory.recorder(&names));
        let shards = (0..plan.load.threads).filter_map(|index| metrics.families.shard(index));
        let recorders = shards.map(with_own_recorder).collect();
        let stop = CancellationToken::new();
        let began = now() + lead_time(&plan.load);
        let end = plan.duration.map(|duration| began + duration);
        if let Pace::Open { profile, .. } = plan.load.pace {
            metrics.state.begin_open_loop(profile, began);
        }
        let spec = ThreadSpec {
            client: MetaClient,
            load: plan.load,
            stack: plan.client,
            state: Arc::clone(&metrics.state),
            began,
            end,
            ledger: Arc::new(ledger),
            stop: stop.clone(),
        };
        let threads = load::start_threads(&spec, recorders, &metrics.runtimes)?;
        Ok(Self { threads, began, end, stop, watch })
    }

    /// Waits for the planned end, a signal, or a thread that stops the load because it failed. Returns the signal.
    async fn wait_for_end(&self, signals: &mut Signals, metrics: &MetricsServer) -> Option<Signal> {
        tokio::select! {
            signal = signals.recv() => {
                tracing::info!(signal = signal.name(), "draining");
                Some(signal)
            }
            () = sleep_until_end(self.end) => None,
            () = self.stop.cancelled() => None,
            () = sampler::sample_rates(Arc::clone(&metrics.families)) => None,
            never = node_watch::watch(MetaClient, self.watch.clone(), Arc::clone(&metrics.nodes)) => match never {},
        }
    }

    /// Stops the load and waits for operations in progress. Returns how long the load ran.
    async fn drain(self, metrics: &MetricsServer) -> Result<Duration, RunError> {
        self.stop.cancel();
        metrics.state.end_open_loop();
        let stopped = now();
        let end = self.end.map_or(stopped, |end| end.min(stopped));
        self.threads.join().await.map_err(|source| RunError::Load { source })?;
        Ok(end.saturating_duration_since(self.began))
    }
}

/// The time between the warm-up and the first operation of an open loop. It is about twice the time that a thread needs to
/// start its workers, so that the first operations are not late.
fn lead_time(load: &LoadPlan) -> Duration {
    let workers = u32::try_from(load.workers / load.threads.max(1)).unwrap_or(u32::MAX);
    Duration::from_millis(3) + Duration::from_micros(6) * workers
}

async fn sleep_until_end(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end.into()).await,
        None => std::future::pending().await,
    }
}
