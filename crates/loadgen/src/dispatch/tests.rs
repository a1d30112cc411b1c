//! Compares the queue with a naive one that holds every operation.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{DispatchQueue, count_due};
use crate::profile::{LoadProfile, Ramp, Rate, Schedule};

const DELAY: Duration = Duration::from_millis(50);

fn schedule() -> impl Strategy<Value = Schedule> {
    let rate = || (1..20_000u32).prop_map(|rate| Rate::new(rate).unwrap());
    let over = (1..5_000u64).prop_map(Duration::from_millis);
    let constant = rate().prop_map(LoadProfile::Constant);
    let ramp = (rate(), rate(), over)
        .prop_map(|(from, to, over)| LoadProfile::Ramp(Ramp::new(from, to, over).unwrap()));
    (prop_oneof![constant, ramp], 0..3u64)
        .prop_map(|(profile, thread)| Schedule::new(profile, thread, 3).unwrap())
}

/// Pauses, and the number of workers that ask for work after each. Long pauses are stalls.
fn steps() -> impl Strategy<Value = Vec<(u64, usize)>> {
    let pause = prop_oneof![Just(0), 0..2_000u64, 0..300_000u64];
    proptest::collection::vec((pause, 0..6usize), 1..60)
}

/// A queue that holds each operation.
struct Naive {
    schedule: Schedule,
    began: Instant,
    next: u64,
    queue: VecDeque<(u64, Instant)>,
    dropped: u64,
}

impl Naive {
    fn advance(&mut self, now: Instant) {
        loop {
            let intended = self.began + self.schedule.start(self.next);
            if intended > now {
                break;
            }
            self.queue.push_back((self.schedule.number(self.next), intended));
            self.next += 1;
        }
        while self.queue.front().is_some_and(|(_, intended)| *intended + DELAY < now) {
            self.queue.pop_front();
            self.dropped += 1;
        }
    }
}

proptest! {
    /// At every instant, started + dropped + queued equals due. Operations start in order, in time, and as in the naive
    /// queue.
    #[test]
    fn started_dropped_and_queued_add_up_to_due(schedule in schedule(), steps in steps(), wait_us in 0..1_000u64) {
        let mut now = Instant::now();
        let began = now + Duration::from_micros(wait_us);
        let mut dispatch = DispatchQueue::new(schedule, began, DELAY);
        let mut naive = Naive { schedule, began, next: 0, queue: VecDeque::new(), dropped: 0 };
        let (mut started, mut dropped, mut last) = (0, 0, None);
        for (pause, workers) in steps {
            now += Duration::from_micros(pause);
            naive.advance(now);
            for _ in 0..workers {
                let taken = dispatch.take(now);
                dropped += taken.dropped;
                let expected = naive.queue.pop_front();
                prop_assert_eq!(taken.operation.map(|start| (start.number, start.intended)), expected);
                let Some(start) = taken.operation else { break };
                started += 1;
                prop_assert!(start.intended <= now && now <= start.intended + DELAY);
                prop_assert!(last < Some(start.number));
                last = Some(start.number);
            }
            dropped += dispatch.expire(now);
            prop_assert_eq!(dropped, naive.dropped);
            prop_assert_eq!(dispatch.queued(now), naive.queue.len() as u64);
            prop_assert_eq!(started + dropped, dispatch.settled());
            prop_assert_eq!(started + dropped + dispatch.queued(now), count_due(&schedule, began, now));
            prop_assert_eq!(dispatch.next_start() <= now, dispatch.queued(now) > 0);
        }
        let queued = dispatch.queued(now);
        prop_assert_eq!(dispatch.abandon(now), queued);
        prop_assert_eq!(started + dropped + queued, dispatch.settled());
        prop_assert_eq!(dispatch.queued(now), 0);
    }

    /// After a stall of any length, at most the operations of one maximum start delay are left to send.
    #[test]
    fn a_stall_does_not_end_in_a_burst_of_old_operations(rate in 1..200_000u32, stall_ms in 0..10_000_000u64) {
        let profile = LoadProfile::Constant(Rate::new(rate).unwrap());
        let began = Instant::now();
        let mut dispatch = DispatchQueue::new(Schedule::new(profile, 0, 1).unwrap(), began, DELAY);
        let now = began + Duration::from_millis(stall_ms);
        let dropped = dispatch.expire(now);
        prop_assert!(dispatch.queued(now) <= u64::from(rate) * 50 / 1_000 + 1);
        prop_assert_eq!(dropped + dispatch.queued(now), profile.due(Duration::from_millis(stall_ms)));
        prop_assert!(dispatch.take(now).operation.is_none_or(|start| now - start.intended <= DELAY));
    }

    /// The randomness of an operation depends only on the seed and its number, and differs between neighbours.
    #[test]
    fn randomness_depends_on_the_number(seed: u64, number in 0..u64::MAX) {
        let start = |number| super::DueOperation { number, intended: Instant::now() };
        prop_assert_eq!(start(number).rng(seed).u64(..), start(number).rng(seed).u64(..));
        prop_assert_ne!(start(number).rng(seed).u64(..), start(number + 1).rng(seed).u64(..));
    }
}

#[test]
fn each_number_draws_evenly() {
    let intended = Instant::now();
    let mut seen = [0u32; 10];
    for number in 0..100_000 {
        seen[super::DueOperation { number, intended }.rng(7).usize(..10)] += 1;
    }
    assert!(seen.iter().all(|count| (9_500..10_500).contains(count)), "{seen:?}");
}

#[test]
fn an_operation_is_dropped_only_after_its_whole_delay() {
    let profile = LoadProfile::Constant(Rate::new(1_000).unwrap());
    let began = Instant::now();
    let mut dispatch = DispatchQueue::new(Schedule::new(profile, 0, 1).unwrap(), began, DELAY);
    let ms = Duration::from_millis;
    assert_eq!(dispatch.expire(began + DELAY), 0);
    // Those of 0 to 9 ms are dropped. The one of 10 ms has waited exactly as long as allowed.
    let taken = dispatch.take(began + ms(10) + DELAY);
    assert_eq!((taken.dropped, taken.operation.map(|start| start.intended)), (10, Some(began + ms(10))));
    assert_eq!(dispatch.expire(began + ms(11) + DELAY + Duration::from_nanos(1)), 1);
}
