//! Failover, retries, and the limits of the pool.

use metrics_core::labels::CloseReason;
use proptest::prelude::*;
use tokio::task::LocalSet;

use super::*;
use crate::ledger::WriteOutcome;
use crate::recorder::Event;
use crate::stack::reaper;

const SET: Request<'static> = Request::Set { key: b"key:0", value: b"value", ttl: 0 };

fn rejected(fixture: &Fixture, server: usize) -> usize {
    fixture.tally.count(|event| matches!(event, Event::BreakerRejected { server: at } if *at == server))
}

async fn send(stack: &mut Stack<FakeClient, Both>, request: Request<'_>) -> OperationOutcome {
    stack.perform(request, StartTimes::immediate(Instant::now().into_std()), |_, _| Verdict::Right).await
}

/// The node of the key is down and its breaker is open.
async fn with_its_node_down(failover: Failover) -> (Fixture, usize) {
    let client = FakeClient::default();
    let fixture = Fixture::with(&client, Setup { nodes: 3, failover, ..Setup::default() });
    let own = fixture.context.router.route(GET.key());
    client.script().down = Some(fixture.context.nodes[own].dial.clone());
    let mut stack = fixture.stack();
    for _ in 0..4 {
        let performed = perform(&mut stack).await;
        assert_eq!((performed.server, performed.result), (own, Err(ErrorType::Connect)));
    }
    (fixture, own)
}

#[tokio::test(start_paused = true)]
async fn without_failover_an_open_breaker_fails_the_operation() {
    let (fixture, own) = with_its_node_down(Failover::None).await;
    let performed = perform(&mut fixture.stack()).await;
    assert_eq!((performed.server, performed.result), (own, Err(ErrorType::BreakerOpen)));
    assert_eq!(fixture.client.script().dialled.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn failover_asks_the_next_node_only_while_the_breaker_is_open() {
    let (fixture, own) = with_its_node_down(Failover::Next).await;
    let heir = fixture.context.router.after(GET.key(), own).unwrap();
    let mut stack = fixture.stack();
    let performed = perform(&mut stack).await;
    assert_eq!((performed.server, performed.result), (heir, Ok(ReplyKind::Done)));
    assert_eq!((rejected(&fixture, own), rejected(&fixture, heir)), (1, 0));
    fixture.client.script().down = None;
    tokio::time::advance(5_001 * MS).await;
    assert_eq!(perform(&mut stack).await.server, own, "the key's own node is used again");
}

#[tokio::test(start_paused = true)]
async fn with_every_breaker_open_the_operation_fails_at_the_keys_own_node() {
    let (fixture, own) = with_its_node_down(Failover::Next).await;
    fixture.client.script().refuse_dials = true;
    let mut stack = fixture.stack();
    for _ in 0..8 {
        assert_eq!(perform(&mut stack).await.result, Err(ErrorType::Connect));
    }
    let performed = perform(&mut stack).await;
    assert_eq!((performed.server, performed.result), (own, Err(ErrorType::BreakerOpen)));
    assert!((0..3).all(|server| rejected(&fixture, server) > 0));
}

fn retrying(acts: impl IntoIterator<Item = Act>, retries: u32) -> (Fixture, Stack<FakeClient, Both>) {
    let client = FakeClient::with(acts);
    let fixture =
        Fixture::with(&client, Setup { retry: RetryRules { retries, budget: 0.0 }, ..Setup::default() });
    let stack = fixture.stack();
    (fixture, stack)
}

#[tokio::test(start_paused = true)]
async fn a_failed_read_is_repeated_on_a_new_connection() {
    let (fixture, mut stack) = retrying([Act::Break, Act::Break], 2);
    assert_eq!(send(&mut stack, GET).await.result, Ok(ReplyKind::Done));
    assert_eq!(fixture.client.script().served_by, [0, 1, 2]);
    let repeated = fixture.tally.count(|event| matches!(event, Event::Repeated { .. }));
    assert_eq!(repeated, 2, "each exchange is seen in the service time");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_repeated_only_if_it_certainly_had_no_effect() {
    let (_, mut stack) = retrying([Act::Break], 2);
    let performed = send(&mut stack, SET).await;
    assert_eq!((performed.result, performed.write_outcome), (Err(ErrorType::Io), WriteOutcome::Unknown));
    let (_, mut stack) = retrying([Act::NotSent], 2);
    let performed = send(&mut stack, SET).await;
    assert_eq!(
        (performed.result, performed.write_outcome),
        (Ok(ReplyKind::Done), WriteOutcome::Acknowledged)
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_are_limited_by_their_number_the_budget_and_the_deadline() {
    let (fixture, mut stack) = retrying([Act::Break, Act::Break, Act::Break], 1);
    assert_eq!(send(&mut stack, GET).await.result, Err(ErrorType::Io));
    assert_eq!(fixture.client.script().served_by.len(), 2);

    // Without a refill there is only the reserve of ten. Successes in between keep the breaker closed.
    let (fixture, mut stack) =
        retrying((0..60).map(|step| [Act::Break, Act::Answer(Reply::Done)][step % 2].clone()), 1);
    for _ in 0..20 {
        let _ = send(&mut stack, GET).await;
    }
    assert_eq!(fixture.tally.count(|event| matches!(event, Event::Repeated { .. })), 10);

    let (fixture, mut stack) = retrying([Act::Hang], 5);
    let begun = Instant::now();
    assert_eq!(send(&mut stack, GET).await.result, Err(ErrorType::Timeout));
    assert!(begun.elapsed() <= 502 * MS, "all attempts share one deadline");
    assert_eq!(fixture.client.script().served_by.len(), 1);
}

fn closed(fixture: &Fixture, wanted: CloseReason) -> usize {
    fixture.tally.count(|event| matches!(event, Event::ConnectionClosed { reason, .. } if *reason == wanted))
}

#[tokio::test(start_paused = true)]
async fn idle_and_old_connections_are_replaced() {
    for (bound, workers) in [(1, 1), (1, 2)] {
        let client = FakeClient::default();
        let pool_times = PoolTimes { idle: Some(100 * MS), lifetime: Some(1_000 * MS), acquire: None };
        let fixture = Fixture::with(&client, Setup { bound, workers, pool_times, ..Setup::default() });
        let mut stack = fixture.stack();
        for _ in 0..15 {
            assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
            tokio::time::advance(90 * MS).await;
        }
        assert_eq!((closed(&fixture, CloseReason::Lifetime), closed(&fixture, CloseReason::Idle)), (1, 0));
        tokio::time::advance(100 * MS).await;
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
        assert_eq!(closed(&fixture, CloseReason::Idle), 1);
        assert_eq!(fixture.tally.open_connections(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_asks_for_are_closed_all_the_same() {
    for (bound, workers) in [(1, 1), (1, 2)] {
        let pool_times = PoolTimes { idle: Some(100 * MS), ..PoolTimes::default() };
        let fixture =
            Fixture::with(&FakeClient::default(), Setup { bound, workers, pool_times, ..Setup::default() });
        let mut stack = fixture.stack();
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
        let reaped = tokio::time::timeout(90 * MS, reaper::reap(&fixture.context)).await;
        assert!(reaped.is_err() && fixture.tally.open_connections() == 1, "not idle for long enough");
        assert!(tokio::time::timeout(100 * MS, reaper::reap(&fixture.context)).await.is_err());
        assert_eq!((closed(&fixture, CloseReason::Idle), fixture.tally.open_connections()), (1, 0));
    }
}

/// The connection of the first worker or slot is usable, the other one is not.
#[tokio::test(start_paused = true)]
async fn a_connection_that_became_unusable_while_idle_costs_no_operation() {
    for (bound, workers) in [(2, 2), (2, 3)] {
        for reason in [CloseReason::Peer, CloseReason::Error] {
            let client = FakeClient::with([Act::After(MS, Reply::Done), Act::After(MS, Reply::Done)]);
            let fixture = Fixture::new(&client, bound, workers);
            let [mut first, mut second] = [(); 2].map(|()| fixture.stack());
            tokio::join!(perform(&mut first), perform(&mut second));
            client.script().unusable.insert(1, reason);
            for _ in 0..2 {
                assert_eq!(perform(&mut first).await.result, Ok(ReplyKind::Done));
                assert_eq!(perform(&mut second).await.result, Ok(ReplyKind::Done));
            }
            assert!(!client.script().served_by[2..].contains(&1), "{:?}", client.script().served_by);
            assert_eq!((closed(&fixture, reason), fixture.breaker()), (1, BreakerState::Closed));
            assert!(fixture.tally.open_connections() <= bound);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_not_used_for_a_probe() {
    for (bound, workers) in [(8, 8), (8, 9)] {
        let slow = || Act::After(MS, Reply::Done);
        let client = FakeClient::with((0..8).map(|_| slow()).chain((0..4).map(|_| Act::Break)));
        let fixture = Fixture::new(&client, bound, workers);
        let mut stacks: Vec<_> = (0..8).map(|_| fixture.stack()).collect();
        let local = LocalSet::new();
        let started: Vec<_> = stacks
            .drain(..)
            .map(|mut stack| local.spawn_local(async move { (perform(&mut stack).await.result, stack) }))
            .collect();
        let mut stacks = Vec::new();
        local
            .run_until(async {
                for worker in started {
                    stacks.push(worker.await.unwrap().1);
                }
            })
            .await;
        for stack in &mut stacks[..4] {
            assert_eq!(perform(stack).await.result, Err(ErrorType::Io));
        }
        assert_eq!((fixture.breaker(), fixture.tally.open_connections()), (BreakerState::Open, 4));
        let dead = (0..8).map(|number| (number, CloseReason::Peer));
        client.script().unusable.extend(dead);
        tokio::time::advance(5_001 * MS).await;
        for stack in &mut stacks {
            assert_eq!(perform(stack).await.result, Ok(ReplyKind::Done));
        }
        assert_eq!((fixture.breaker(), closed(&fixture, CloseReason::Peer)), (BreakerState::Closed, 4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_connection_without_use_is_closed() {
    for (bound, workers) in [(1, 1), (1, 2)] {
        let fixture = Fixture::new(&FakeClient::default(), bound, workers);
        let mut stack = fixture.stack();
        assert_eq!(perform(&mut stack).await.result, Ok(ReplyKind::Done));
        fixture.client.script().unusable.insert(0, CloseReason::Peer);
        assert!(tokio::time::timeout(1_100 * MS, reaper::reap(&fixture.context)).await.is_err());
        assert_eq!((closed(&fixture, CloseReason::Peer), fixture.tally.open_connections()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_connection_has_its_own_limit() {
    let client = FakeClient::with([Act::Hang]);
    let pool_times = PoolTimes { acquire: Some(50 * MS), ..PoolTimes::default() };
    let fixture = Fixture::with(&client, Setup { bound: 1, workers: 2, pool_times, ..Setup::default() });
    let (mut holder, mut waiter) = (fixture.stack(), fixture.stack());
    let begun = Instant::now();
    let waits = async {
        let performed = perform(&mut waiter).await;
        assert!(begun.elapsed() <= 52 * MS, "{:?}", begun.elapsed());
        performed.result
    };
    let (held, waited) = tokio::join!(perform(&mut holder), waits);
    assert_eq!((held.result, waited), (Err(ErrorType::Timeout), Err(ErrorType::PoolExhausted)));
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_a_connection_in_time_is_dropped_and_not_failed() {
    let client = FakeClient::with([Act::Hang]);
    let fixture = Fixture::with(&client, Setup { bound: 1, workers: 3, ..Setup::default() });
    let [mut holder, mut late, mut waiter] = [(); 3].map(|()| fixture.stack());
    let now = Instant::now().into_std();
    let by_50 = StartTimes { connected_by: Some(now + 50 * MS), ..StartTimes::immediate(now) };
    let (held, dropped, exhausted) = tokio::join!(
        perform(&mut holder),
        late.perform(GET, by_50, |_, _| Verdict::Right),
        // The deadline of the operation comes first.
        waiter.perform(GET, StartTimes::immediate(now - 400 * MS), |_, _| Verdict::Right),
    );
    assert_eq!(held.result, Err(ErrorType::Timeout));
    assert!(dropped.dropped && !held.dropped);
    assert!(dropped.ended >= now + 50 * MS && dropped.ended <= now + 52 * MS);
    assert_eq!(exhausted.result, Err(ErrorType::PoolExhausted));
    assert!(!exhausted.dropped);
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40u64).prop_map(|ms| Act::After(MS * ms as u32, Reply::Done)),
        1 => Just(Act::Hang),
        1 => Just(Act::Break),
        1 => Just(Act::Refuse),
        1 => Just(Act::NotSent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With any faults, a node never has more connections than the limit, and each one that was opened is open or closed.
    #[test]
    fn connections_never_exceed_the_limit(
        bound in 1..5usize, workers in 1..8usize, acts in proptest::collection::vec(act(), 0..80), retries in 0..3u32,
    ) {
        // A worker uses at most one connection, so more than that are never needed.
        let limit = bound.min(workers);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let client = FakeClient::with(acts);
            let times = PoolTimes { idle: Some(30 * MS), lifetime: Some(200 * MS), acquire: Some(400 * MS) };
            let retry = RetryRules { retries, budget: 1.0 };
            let fixture = Fixture::with(&client, Setup { bound, workers, retry, pool_times: times, ..Setup::default() });
            let running: Vec<_> = (0..workers).map(|_| {
                let mut stack = fixture.stack();
                tokio::task::spawn_local(async move {
                    for _ in 0..15 {
                        let performed = perform(&mut stack).await;
                        if performed.cost() == Cost::Refused {
                            tokio::time::sleep(MS).await;
                        }
                    }
                })
            }).collect();
            for worker in running {
                worker.await.unwrap();
            }
            let most = client.script().most_open;
            let open = client.script().open;
            prop_assert!(most <= limit, "{} connections, at most {}", most, limit);
            prop_assert_eq!(fixture.tally.open_connections(), open);
            Ok(())
        })?;
    }
}
