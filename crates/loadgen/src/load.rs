//! The load threads: each with its own single-threaded runtime, its share of the workers and of every node's
//! connections, and its own metrics shard. What a worker does is in `worker`.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use daemon_core::runtime;
use fastrand::Rng;
use metrics_core::families::runtime::Runtimes;
use metrics_core::labels::Runtime;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use crate::ledger::WriteLedger;
use crate::mix::derive_seed;
use crate::open_loop::OpenLoop;
use crate::pacer::Pacer;
use crate::plan::{ClientPlan, LoadPlan, Pace};
use crate::profile::Schedule;
use crate::recorder::Recorder;
use crate::stack::Stack;
use crate::stack::conn::Client;
use crate::stack::context::StackContext;
use crate::stack::deadline::now;
use crate::stack::pool::{Pool, split_evenly};
use crate::stack::reaper;
use crate::stack::retry::RetryBudget;
use crate::stack::route::Router;
use crate::state::RunState;
use crate::worker::{OperationSource, StopSignal, Worker};

/// Time on top of the deadlines for operations under way to end.
const DRAIN_MARGIN: Duration = Duration::from_secs(1);

/// What a load thread needs to know.
#[derive(Clone, Debug)]
pub(crate) struct ThreadSpec<C> {
    pub(crate) client: C,
    pub(crate) load: LoadPlan,
    pub(crate) stack: ClientPlan,
    pub(crate) state: Arc<RunState>,
    /// When the first operation of an open loop is due.
    pub(crate) began: Instant,
    /// Nothing of an open loop that is due later starts.
    pub(crate) end: Option<Instant>,
    pub(crate) ledger: Arc<WriteLedger>,
    pub(crate) stop: CancellationToken,
}

/// The threads of the load under way.
#[derive(Debug)]
pub(crate) struct LoadThreads {
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// Starts one thread for each recorder.
pub(crate) fn start_threads<C: Client, R: Recorder + Send>(
    spec: &ThreadSpec<C>,
    recorders: Vec<R>,
    runtimes: &Runtimes,
) -> io::Result<LoadThreads> {
    let mut threads = Vec::with_capacity(recorders.len());
    for (index, recorder) in recorders.into_iter().enumerate() {
        let spec = spec.clone();
        let runtime = runtime::current_thread()?;
        runtimes.watch(Runtime::Load, runtime.handle());
        let body = move || LocalSet::new().block_on(&runtime, run_thread(spec, index, recorder));
        threads.push(Builder::new().name(format!("load-{index}")).spawn(body)?);
    }
    Ok(LoadThreads { threads })
}

impl LoadThreads {
    /// Waits for all threads to end; they do within their drain bound once stopped. Fails where one could not go on.
    pub(crate) async fn join(self) -> io::Result<()> {
        let joined = tokio::task::spawn_blocking(|| {
            self.threads.into_iter().map(JoinHandle::join).collect::<Vec<_>>()
        });
        for thread in joined.await.unwrap_or_default() {
            match thread {
                Ok(result) => result?,
                Err(_) => return Err(io::Error::other("a load thread panicked")),
            }
        }
        Ok(())
    }
}

async fn run_thread<C: Client, R: Recorder>(
    spec: ThreadSpec<C>,
    index: usize,
    recorder: R,
) -> io::Result<()> {
    let ThreadSpec { client, load, stack, state, began, end, ledger, stop } = spec;
    // Also when this thread panics: the others would send less than was asked for.
    let _ends_the_run = stop.clone().drop_guard();
    let part = |whole| split_evenly(whole, load.threads, index);
    let workers = part(load.workers);
    let bound = part(stack.pool_size);
    let context = Rc::new(StackContext {
        thread: index,
        client,
        router: Router::new(state.nodes.iter().map(|node| node.name.as_str())),
        nodes: Arc::clone(&state.nodes),
        pools: state.pool_counts(index).into_iter().map(|counts| Pool::new(bound, workers, counts)).collect(),
        pool_times: stack.pool_times,
        timeouts: stack.timeouts,
        failover: stack.failover,
        retries: (stack.retry.retries > 0).then(|| RefCell::new(RetryBudget::new(stack.retry))),
        recorder: recorder.clone(),
        ledger: Arc::clone(&ledger),
        worker_connections: RefCell::default(),
    });
    let before: usize = (0..index).map(|thread| split_evenly(load.workers, load.threads, thread)).sum();
    let pace = ThreadPace::new(&load, index, began, end, &recorder)?;
    if let ThreadPace::Open(open) = &pace {
        state.add_backlog(open.backlog());
    }
    let stop = StopSignal { flag: Rc::new(Cell::new(false)), token: stop };

    let mut running = JoinSet::new();
    for number in before..before + workers {
        let worker = Worker {
            writer: ledger.writer(number as u64 + 1),
            ledger: Arc::clone(&ledger),
            stack: Stack::new(Rc::clone(&context)),
            mix: load.mix.clone(),
            sizes: load.sizes.clone(),
            ttls: load.ttls,
            recorder: recorder.clone(),
            stop: stop.clone(),
        };
        let source = pace.operation_source(load.seed, number as u64);
        let working = state.count_worker();
        running.spawn_local(async move {
            let _working = working;
            worker.run(source).await;
        });
    }

    let result = tokio::select! {
        // First: workers that have just been told to end may have ended before this thread looks.
        biased;
        () = stop.token.cancelled() => Ok(()),
        failed = pace.drive() => failed.map(|never| match never {}),
        lost = wait_for_panic(&mut running) => Err(lost),
        never = reaper::reap(&context) => match never {},
    };
    if let ThreadPace::Open(open) = &pace {
        open.close(now());
    }
    // One thread that cannot go on ends the run: the others would send less than was asked for.
    stop.token.cancel();
    stop.flag.set(true);
    let drained = async {
        let mut ends = Ok(());
        while let Some(end) = running.join_next().await {
            ends = ends.and(end.map_err(io::Error::other));
        }
        ends
    };
    // What waits for a worker of an open loop waits for the end of an operation, and then takes its own time.
    let bound = match load.pace {
        Pace::Closed(_) => stack.timeouts.operation,
        Pace::Open { max_start_delay, .. } => {
            stack.timeouts.operation + max_start_delay.min(stack.timeouts.operation)
        }
    };
    let drained = tokio::time::timeout(bound + DRAIN_MARGIN, drained).await.unwrap_or_else(|_| {
        tracing::warn!(thread = index, "operations were still under way at the end and were dropped");
        Ok(())
    });
    if let ThreadPace::Open(open) = &pace {
        open.abandon(now());
    }
    result.and(drained)
}

/// Ends when a worker did before it was told to: it outlives every error, so it panicked.
async fn wait_for_panic(running: &mut JoinSet<()>) -> io::Error {
    match running.join_next().await {
        Some(Err(error)) => io::Error::other(error),
        Some(Ok(())) => io::Error::other("a worker ended before it was told to"),
        None => std::future::pending().await,
    }
}

/// What starts the operations of one thread.
enum ThreadPace<R: Recorder> {
    Closed(Pacer),
    Open(Rc<OpenLoop<R>>),
}

impl<R: Recorder> ThreadPace<R> {
    fn new(
        load: &LoadPlan,
        index: usize,
        began: Instant,
        end: Option<Instant>,
        recorder: &R,
    ) -> io::Result<Self> {
        match load.pace {
            Pace::Closed(pacer) => Ok(Self::Closed(pacer)),
            Pace::Open { profile, max_start_delay } => {
                let schedule = Schedule::new(profile, index as u64, load.threads as u64)
                    .ok_or_else(|| io::Error::other(format!("there is no load thread {index}")))?;
                let open = OpenLoop::new(schedule, began, max_start_delay, end, recorder.clone());
                Ok(Self::Open(Rc::new(open)))
            }
        }
    }

    fn operation_source(&self, seed: u64, worker: u64) -> OperationSource<R> {
        match self {
            Self::Closed(pacer) => OperationSource::Closed { pacer: *pacer, rng: worker_rng(seed, worker) },
            Self::Open(open) => OperationSource::Open { open: Rc::clone(open), seed },
        }
    }

    /// Wakes the workers when their operations are due; those of a closed loop wake themselves.
    async fn drive(&self) -> io::Result<Infallible> {
        match self {
            Self::Closed(_) => std::future::pending().await,
            Self::Open(open) => open.drive().await,
        }
    }
}

/// Each worker has its own sequence, all derived from the run's one seed.
fn worker_rng(seed: u64, worker: u64) -> Rng {
    Rng::with_seed(derive_seed(seed, worker)).fork()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::{wait_for_panic, worker_rng};

    #[tokio::test]
    async fn a_worker_that_panics_ends_the_load() {
        let mut running = tokio::task::JoinSet::new();
        running.spawn(std::future::pending());
        running.spawn(async { panic!("as in a defect") });
        let lost = wait_for_panic(&mut running).await;
        assert!(lost.to_string().contains("panicked"), "{lost}");
    }

    proptest! {
        /// Workers of one seed draw different sequences, and a worker draws the same one again.
        #[test]
        fn workers_have_their_own_sequences(seed: u64) {
            let first: HashSet<u64> = (0..1_000).map(|worker| worker_rng(seed, worker).u64(..)).collect();
            prop_assert_eq!(first.len(), 1_000);
            prop_assert_eq!(worker_rng(seed, 3).u64(..), worker_rng(seed, 3).u64(..));
        }
    }
}
