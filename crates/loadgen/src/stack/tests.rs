//! The order of the stack and the meaning of failures, with a scripted client and a paused clock.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use metrics_core::families::client::{ClientFamilies, ClientShard, PoolView};
use metrics_core::labels::{BreakerState, ErrorType};
use tokio::time::Instant;

use super::Stack;
use super::breaker::BreakerRules;
use super::conn::fake::{Act, FakeClient};
use super::conn::{Reply, ReplyKind, Request};
use super::context::{Failover, StackContext, Timeouts};
use super::node::Node;
use super::operation::{OperationOutcome, StartTimes};
use super::pool::{Pool, PoolCounts, PoolTimes};
use super::retry::{RetryBudget, RetryRules};
use super::route::Router;
use crate::ledger::WriteLedger;
use crate::pacer::Cost;
use crate::recorder::Event;
use crate::recorder::tally::Tally;
use crate::recorder::test_families::client_families;
use crate::value::{Verdict, WrongValue};

const MS: Duration = Duration::from_millis(1);
const GET: Request<'static> = Request::Get { key: b"key:0" };

mod policies;

/// As in a run with an exporter of your own.
type Both = (Arc<ClientShard>, Tally);

/// Settings of a test. The default is one connection per worker, no failover and no retries.
struct Setup {
    nodes: usize,
    bound: usize,
    workers: usize,
    failover: Failover,
    retry: RetryRules,
    pool_times: PoolTimes,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            nodes: 1,
            bound: 1,
            workers: 1,
            failover: Failover::None,
            retry: RetryRules::default(),
            pool_times: PoolTimes::default(),
        }
    }
}

struct Fixture {
    context: Rc<StackContext<FakeClient, Both>>,
    client: FakeClient,
    families: Arc<ClientFamilies>,
    tally: Tally,
}

impl Fixture {
    /// One node, `bound` connections for `workers` workers.
    fn new(client: &FakeClient, bound: usize, workers: usize) -> Self {
        Self::with(client, Setup { bound, workers, ..Setup::default() })
    }

    /// Nodes `n1`.. at `10.0.0.1:11211`.., with breakers that open after four consecutive failures.
    fn with(client: &FakeClient, setup: Setup) -> Self {
        let rules = BreakerRules {
            half_open_requests: 1,
            interval: 30_000 * MS,
            bucket_period: 10_000 * MS,
            open_timeout: 5_000 * MS,
            consecutive_failures: 4,
            failure_ratio: 1.0,
            min_requests: 100,
        };
        let names: Vec<String> = (1..=setup.nodes).map(|number| format!("n{number}")).collect();
        let families = client_families(&names, 1);
        let shard: Arc<ClientShard> = families.shard(0).unwrap();
        let tally = Tally::default();
        let node = |(index, name): (usize, &String)| {
            Node::new(
                name.clone(),
                format!("10.0.0.{}:11211", index + 1),
                rules.clone(),
                1,
                Instant::now().into_std(),
            )
        };
        let pool = |_: &String| Pool::new(setup.bound, setup.workers, Arc::new(PoolCounts::default()));
        let context = StackContext {
            thread: 0,
            client: client.clone(),
            router: Router::new(names.iter().map(String::as_str)),
            nodes: names.iter().enumerate().map(node).collect(),
            pools: names.iter().map(pool).collect(),
            pool_times: setup.pool_times,
            timeouts: Timeouts { operation: 500 * MS, connect: 200 * MS },
            failover: setup.failover,
            retries: (setup.retry.retries > 0).then(|| RetryBudget::new(setup.retry).into()),
            recorder: (shard, tally.clone()),
            ledger: Arc::new(WriteLedger::new(1, 1, Instant::now().into_std())),
            worker_connections: Default::default(),
        };
        Self { context: Rc::new(context), client: client.clone(), families, tally }
    }

    fn stack(&self) -> Stack<FakeClient, Both> {
        Stack::new(Rc::clone(&self.context))
    }

    fn pool(&self) -> PoolView {
        self.context.pools[0].counts.view()
    }

    fn breaker(&self) -> BreakerState {
        self.context.nodes[0].view(Instant::now().into_std()).state
    }
}

async fn perform(stack: &mut Stack<FakeClient, Both>) -> OperationOutcome {
    let started = Instant::now().into_std();
    stack.perform(GET, StartTimes::immediate(started), |_, _| Verdict::Right).await
}

#[tokio::test(start_paused = true)]
async fn a_worker_keeps_its_connection_while_it_is_healthy() {
    let client = FakeClient::default();
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    for _ in 0..5 {
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
    }
    assert_eq!(client.script().dialled, ["10.0.0.1:11211"]);
    assert_eq!(fixture.pool(), PoolView { total: 1, active: 0 });
    drop(stack);
    assert_eq!(fixture.pool(), PoolView::default());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_failed_is_never_used_again() {
    for (act, error) in [(Act::Hang, ErrorType::Timeout), (Act::Break, ErrorType::Io)] {
        let client = FakeClient::with([Act::Answer(Reply::Miss), act]);
        let fixture = Fixture::new(&client, 1, 1);
        let mut stack = fixture.stack();
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Miss));
        assert_eq!(perform(&mut stack).await.result, Err(error));
        assert_eq!(fixture.pool(), PoolView::default(), "closed at once");
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
        assert_eq!(client.script().served_by, [0, 0, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_value_fails_the_operation_and_its_connection() {
    let client = FakeClient::default();
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    let started = Instant::now().into_std();
    let performed = stack
        .perform(GET, StartTimes::immediate(started), |_, _| Verdict::Wrong(WrongValue::Torn { bytes: 1 }))
        .await;
    assert_eq!(performed.result, Err(ErrorType::Corrupt));
    assert_eq!(fixture.pool(), PoolView::default());
    assert_eq!(fixture.families.totals().corrupt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_error_leaves_the_connection_in_step() {
    let client = FakeClient::with([Act::Refuse]);
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    assert_eq!(perform(&mut stack).await.result, Err(ErrorType::ServerError));
    assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
    assert_eq!(client.script().served_by, [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_covers_waiting_dialling_and_the_exchange() {
    let client = FakeClient::with([Act::Hang]);
    let fixture = Fixture::new(&client, 1, 1);
    let begun = Instant::now();
    let performed = perform(&mut fixture.stack()).await;
    assert_eq!(performed.result, Err(ErrorType::Timeout));
    assert!(begun.elapsed() >= 500 * MS && begun.elapsed() <= 502 * MS, "{:?}", begun.elapsed());

    client.script().hang_dials = true;
    let begun = Instant::now();
    let performed = perform(&mut fixture.stack()).await;
    assert_eq!(performed.result, Err(ErrorType::Connect));
    assert_eq!(performed.sent, None);
    assert!(begun.elapsed() >= 200 * MS && begun.elapsed() <= 202 * MS, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_refuses_without_touching_a_connection() {
    let client = FakeClient::default();
    client.script().refuse_dials = true;
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    for _ in 0..4 {
        assert_eq!(perform(&mut stack).await.result, Err(ErrorType::Connect));
    }
    assert_eq!(fixture.breaker(), BreakerState::Open);
    let refused = perform(&mut stack).await;
    assert_eq!((refused.result.as_ref(), refused.cost()), (Err(&ErrorType::BreakerOpen), Cost::Refused));

    client.script().refuse_dials = false;
    tokio::time::advance(5_001 * MS).await;
    assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
    assert_eq!(fixture.breaker(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_probe_does_not_hold_the_breaker_half_open() {
    let client = FakeClient::with([Act::Break, Act::Break, Act::Break, Act::Break, Act::Hang]);
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    for _ in 0..4 {
        assert_eq!(perform(&mut stack).await.result, Err(ErrorType::Io));
    }
    tokio::time::advance(5_001 * MS).await;
    assert!(tokio::time::timeout(10 * MS, perform(&mut stack)).await.is_err(), "cancelled while it hangs");
    assert_eq!(fixture.breaker(), BreakerState::Open);
    assert_eq!(fixture.pool(), PoolView::default());
}

#[tokio::test(start_paused = true)]
async fn fewer_connections_than_workers_are_shared_and_waited_for() {
    let acts = (0..40).map(|_| Act::After(20 * MS, Reply::Done));
    let client = FakeClient::with(acts);
    let fixture = Fixture::new(&client, 2, 10);
    let local = tokio::task::LocalSet::new();
    let mut stacks: Vec<_> = (0..10).map(|_| fixture.stack()).collect();
    local
        .run_until(async {
            let workers: Vec<_> = stacks
                .drain(..)
                .map(|mut stack| {
                    tokio::task::spawn_local(async move {
                        for _ in 0..4 {
                            assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
                        }
                    })
                })
                .collect();
            for worker in workers {
                worker.await.unwrap();
            }
        })
        .await;
    assert_eq!(fixture.client.script().most_open, 2);
    assert_eq!(client.script().dialled.len(), 2, "idle connections are used before new ones are made");
    assert_eq!(fixture.pool(), PoolView { total: 2, active: 0 });
}

#[tokio::test(start_paused = true)]
async fn no_connection_before_the_deadline_is_exhaustion() {
    let client = FakeClient::with([Act::Hang]);
    let fixture = Fixture::new(&client, 1, 2);
    let (mut holder, mut waiter) = (fixture.stack(), fixture.stack());
    let earlier = Instant::now().into_std();
    tokio::time::advance(10 * MS).await;
    let (held, waited) = tokio::join!(
        perform(&mut holder),
        waiter.perform(GET, StartTimes::immediate(earlier), |_, _| Verdict::Right)
    );
    assert_eq!(held.result, Err(ErrorType::Timeout));
    assert_eq!((waited.result.as_ref(), waited.cost()), (Err(&ErrorType::PoolExhausted), Cost::Refused));
}

#[tokio::test(start_paused = true)]
async fn a_machine_without_descriptors_does_not_open_the_breaker() {
    let client = FakeClient::default();
    client.script().no_descriptors = true;
    let fixture = Fixture::new(&client, 1, 1);
    let mut stack = fixture.stack();
    for _ in 0..20 {
        let performed = perform(&mut stack).await;
        assert_eq!((performed.result, performed.cost()), (Err(ErrorType::Local), Cost::Refused));
    }
    let view = fixture.context.nodes[0].view(Instant::now().into_std());
    assert_eq!((view.state, view.failures), (BreakerState::Closed, 0));
    client.script().no_descriptors = false;
    assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
}

#[tokio::test(start_paused = true)]
async fn a_value_of_a_stranger_is_a_hit_and_counted() {
    let client = FakeClient::with([Act::Answer(Reply::Value(b"hello"))]);
    let fixture = Fixture::new(&client, 1, 1);
    let performed = fixture
        .stack()
        .perform(GET, StartTimes::immediate(Instant::now().into_std()), |_, _| Verdict::Foreign)
        .await;
    assert_eq!(performed.result, Ok(ReplyKind::Hit));
    assert_eq!(fixture.families.breakdown(0).foreign, 1);
    assert_eq!(fixture.tally.count(|event| matches!(event, Event::ForeignValue { server: 0 })), 1);
}
