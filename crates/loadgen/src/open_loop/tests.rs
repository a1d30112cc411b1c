//! The open loop on the real clock: starts, counts and wake-ups. Lateness is printed and not asserted, because it depends on
//! the machine's other work.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet, yield_now};

use super::OpenLoop;
use crate::dispatch::DueOperation;
use crate::profile::{LoadProfile, Rate, Schedule};
use crate::recorder::test_families::client_families;

/// The result of one run.
struct Outcome {
    starts: Vec<(DueOperation, Instant)>,
    dropped: u64,
    /// The part of `dropped` before the load ended.
    dropped_before_end: u64,
    due: u64,
}

/// Runs workers that take the time `work` for each operation, until `enough` operations have started.
#[track_caller]
fn run(rate: u32, workers: usize, enough: usize, max_start_delay: Duration, work: Duration) -> Outcome {
    let families = client_families(&[], 1);
    let profile = LoadProfile::Constant(Rate::new(rate).unwrap());
    let schedule = Schedule::new(profile, 0, 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let starts = Rc::new(RefCell::new(Vec::new()));
    let all = Rc::clone(&starts);
    let shard = families.shard(0).unwrap();
    let (dropped_before_end, due) = LocalSet::new().block_on(&runtime, async {
        let began = Instant::now();
        let open = Rc::new(OpenLoop::new(schedule, began, max_start_delay, None, shard));
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let (open, starts) = (Rc::clone(&open), Rc::clone(&all));
            tasks.spawn_local(async move {
                while let Some(start) = open.next_operation().await {
                    starts.borrow_mut().push(start);
                    if work.is_zero() { yield_now().await } else { tokio::time::sleep(work).await }
                }
            });
        }
        let end = tokio::time::timeout(Duration::from_secs(60), async {
            while all.borrow().len() < enough {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        tokio::select! {
            driven = open.drive() => panic!("{driven:?}"),
            reached = end => assert_eq!(reached, Ok(()), "{} of {enough} started", all.borrow().len()),
        }
        let backlog = open.backlog();
        let now = Instant::now();
        let dropped = families.totals().dropped;
        open.close(now);
        // Every worker ends, including the idle ones.
        tokio::time::timeout(Duration::from_secs(30), async { while tasks.join_next().await.is_some() {} })
            .await
            .unwrap();
        assert_eq!(backlog.depth(now), 0);
        (dropped, super::count_due(&schedule, began, now))
    });
    let mut starts = starts.take();
    // A worker records its start after other workers may have been woken.
    starts.sort_by_key(|(start, _)| start.number);
    Outcome { starts, dropped: families.totals().dropped, dropped_before_end, due }
}

fn check(ran: &Outcome, max_start_delay: Duration) {
    assert_eq!(ran.starts.len() as u64 + ran.dropped, ran.due);
    assert!(ran.starts.is_sorted_by(|(one, _), (next, _)| one.number < next.number));
    for (start, at) in &ran.starts {
        assert!(start.intended <= *at, "{start:?} began early");
        assert!(*at - start.intended <= max_start_delay, "{start:?} began too late");
    }
}

/// Every due operation starts or is dropped, and none starts early. Prints the lateness at high, medium and low rates.
#[test]
fn starts_come_in_time_at_every_rate() {
    let delay = Duration::from_secs(1);
    for (rate, enough) in [(50_000, 20_000), (10_000, 4_000), (10, 5)] {
        let ran = run(rate, 64, enough, delay, Duration::ZERO);
        check(&ran, delay);
        let mut late: Vec<Duration> = ran.starts.iter().map(|(start, at)| *at - start.intended).collect();
        late.sort_unstable();
        let at = |share: f64| late[(late.len() as f64 * share) as usize];
        println!(
            "{rate}/s: {} due, {} dropped, late p50 {:?} p99 {:?}",
            ran.due,
            ran.dropped,
            at(0.5),
            at(0.99)
        );
    }
}

/// Two workers that take 20 ms for each operation cannot perform 1,000 per second. The rest is dropped and counted while the
/// load runs.
#[test]
fn operations_without_a_worker_are_dropped_and_counted() {
    let delay = Duration::from_millis(50);
    let ran = run(1_000, 2, 20, delay, Duration::from_millis(20));
    check(&ran, delay);
    // The tenth round of two starts after 180 ms: 180 operations are due, 20 of them started and at most 60 wait.
    assert!(ran.dropped_before_end >= 90, "{} of {}", ran.dropped_before_end, ran.due);
}
