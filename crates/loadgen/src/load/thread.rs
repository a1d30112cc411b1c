//! One load thread: its share of the workers and of every node's connections, and its own recorder. It runs until it is
//! stopped and then waits for its operations in progress.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pace::ThreadPace;
use crate::heartbeat;
use crate::ledger::WriteLedger;
use crate::plan::{ClientPlan, LoadPlan, Pace};
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
use crate::worker::{StopSignal, Worker};

/// Time on top of the timeouts for operations in progress to end.
const DRAIN_MARGIN: Duration = Duration::from_secs(1);

/// What all load threads have in common.
#[derive(Clone, Debug)]
pub(crate) struct ThreadSpec<C> {
    pub(crate) client: C,
    pub(crate) load: LoadPlan,
    pub(crate) stack: ClientPlan,
    pub(crate) state: Arc<RunState>,
    /// When the first operation of an open loop is due.
    pub(crate) began: Instant,
    /// Operations of an open loop that are due later do not start.
    pub(crate) end: Option<Instant>,
    pub(crate) ledger: Arc<WriteLedger>,
    pub(crate) stop: CancellationToken,
}

/// Runs one load thread until the load is stopped and its operations have ended.
pub(super) async fn run_thread<C: Client, R: Recorder>(
    spec: ThreadSpec<C>,
    index: usize,
    recorder: R,
) -> io::Result<()> {
    // Stops the run even if this thread panics: the other threads alone would send less than planned.
    let _stops_the_run = spec.stop.clone().drop_guard();
    let pace = ThreadPace::new(&spec.load, index, spec.began, spec.end, &recorder)?;
    if let ThreadPace::Open(open) = &pace {
        spec.state.add_backlog(open.backlog());
    }
    let context = Rc::new(stack_context(&spec, index, recorder));
    let stop = StopSignal { flag: Rc::new(Cell::new(false)), token: spec.stop.clone() };
    let mut workers = spawn_workers(&spec, &context, &pace, &stop);

    let result = tokio::select! {
        // The stop signal is checked first: workers that were just stopped may have ended already.
        biased;
        () = stop.token.cancelled() => Ok(()),
        failed = pace.drive() => failed.map(|never| match never {}),
        failed = heartbeat::beat(&context.recorder) => failed.map(|never| match never {}),
        lost = wait_for_panic(&mut workers) => Err(lost),
        never = reaper::reap(&context) => match never {},
    };
    pace.close(now());
    // A thread that fails stops the run: the other threads alone would send less than planned.
    stop.token.cancel();
    stop.flag.set(true);
    let drained = drain(&mut workers, drain_limit(&spec), index).await;
    pace.abandon(now());
    result.and(drained)
}

/// The thread's part of the client stack.
fn stack_context<C: Client, R: Recorder>(
    spec: &ThreadSpec<C>,
    index: usize,
    recorder: R,
) -> StackContext<C, R> {
    let ThreadSpec { load, stack, state, .. } = spec;
    let part = |whole| split_evenly(whole, load.threads, index);
    let (workers, connections) = (part(load.workers), part(stack.pool_size));
    let pool = |counts| Pool::new(connections, workers, counts);
    StackContext {
        thread: index,
        client: spec.client.clone(),
        router: Router::new(state.nodes.iter().map(|node| node.name.as_str())),
        nodes: Arc::clone(&state.nodes),
        pools: state.pool_counts(index).into_iter().map(pool).collect(),
        pool_times: stack.pool_times,
        timeouts: stack.timeouts,
        failover: stack.failover,
        retries: (stack.retry.retries > 0).then(|| RefCell::new(RetryBudget::new(stack.retry))),
        recorder,
        ledger: Arc::clone(&spec.ledger),
        worker_connections: RefCell::default(),
    }
}

/// Starts the thread's workers. Their numbers follow those of the threads before.
fn spawn_workers<C: Client, R: Recorder>(
    spec: &ThreadSpec<C>,
    context: &Rc<StackContext<C, R>>,
    pace: &ThreadPace<R>,
    stop: &StopSignal,
) -> JoinSet<()> {
    let load = &spec.load;
    let part = |thread| split_evenly(load.workers, load.threads, thread);
    let first: usize = (0..context.thread).map(part).sum();
    let mut workers = JoinSet::new();
    for number in first..first + part(context.thread) {
        let worker = Worker {
            writer: spec.ledger.writer(number as u64 + 1),
            ledger: Arc::clone(&spec.ledger),
            stack: Stack::new(Rc::clone(context)),
            mix: load.mix.clone(),
            sizes: load.sizes.clone(),
            ttls: load.ttls,
            recorder: context.recorder.clone(),
            stop: stop.clone(),
        };
        let source = pace.operation_source(load.seed, number as u64);
        let counted = spec.state.count_worker();
        workers.spawn_local(async move {
            let _counted = counted;
            worker.run(source).await;
        });
    }
    workers
}

/// Returns when a worker ended before the load was stopped. Workers outlive every error, so it panicked.
async fn wait_for_panic(workers: &mut JoinSet<()>) -> io::Error {
    match workers.join_next().await {
        Some(Err(error)) => io::Error::other(error),
        Some(Ok(())) => io::Error::other("a worker ended before the load was stopped"),
        None => std::future::pending().await,
    }
}

/// The longest time that operations in progress need to end.
fn drain_limit<C>(spec: &ThreadSpec<C>) -> Duration {
    let timeout = spec.stack.timeouts.operation;
    let operations = match spec.load.pace {
        Pace::Closed(_) => timeout,
        // A queued operation first waits for another one to end, and then needs its own time.
        Pace::Open { max_start_delay, .. } => timeout + max_start_delay.min(timeout),
    };
    operations + DRAIN_MARGIN
}

/// Waits for all workers to end. Those that take longer than `limit` are given up.
async fn drain(workers: &mut JoinSet<()>, limit: Duration, thread: usize) -> io::Result<()> {
    let all_ended = async {
        let mut result = Ok(());
        while let Some(ended) = workers.join_next().await {
            result = result.and(ended.map_err(io::Error::other));
        }
        result
    };
    tokio::time::timeout(limit, all_ended).await.unwrap_or_else(|_| {
        tracing::warn!(thread, "operations were still in progress at the end and were dropped");
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::wait_for_panic;

    #[tokio::test]
    async fn a_worker_that_panics_ends_the_load() {
        let mut workers = JoinSet::new();
        workers.spawn(std::future::pending());
        workers.spawn(async { panic!("as in a defect") });
        let lost = wait_for_panic(&mut workers).await;
        assert!(lost.to_string().contains("panicked"), "{lost}");
    }
}
