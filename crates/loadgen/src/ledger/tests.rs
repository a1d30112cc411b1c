//! The ledger around the history: names of writers, first values, and keys that share a bucket.

use std::time::{Duration, Instant};

use super::{MAX_BUCKETS, WriteLedger, WriteOutcome, Writer};
use crate::history::WriteId;
use crate::value::{self, Verdict, WrongValue};

const MS: Duration = Duration::from_millis(1);

struct Clock(Instant);

impl Clock {
    fn at(&self, ms: u32) -> Instant {
        self.0 + MS * ms
    }
}

fn ledger(keys: u64) -> (WriteLedger, Clock) {
    let epoch = Instant::now();
    (WriteLedger::new(keys, 77, epoch), Clock(epoch))
}

fn bytes(key: u64, id: WriteId) -> Vec<u8> {
    let mut value = Vec::new();
    value::write(&mut value, key, id, 100);
    value
}

fn write(ledger: &WriteLedger, writer: &mut Writer, key: u64, began: Instant, ended: Instant) -> Vec<u8> {
    let id = ledger.begin_write(writer, key, began);
    ledger.end_write(key, id, WriteOutcome::Acknowledged, ended);
    bytes(key, id)
}

fn is_stale(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Wrong(WrongValue::Stale { .. }))
}

#[test]
fn a_read_is_right_stale_late_torn_or_of_another_key() {
    let (ledger, clock) = ledger(10);
    let mut writer = ledger.writer(1);
    let old = write(&ledger, &mut writer, 3, clock.at(1), clock.at(2));
    let held = ledger.begin_write(&mut writer, 3, clock.at(3));
    ledger.end_write(3, held, WriteOutcome::Unknown, clock.at(4));
    let new = write(&ledger, &mut writer, 3, clock.at(5), clock.at(6));
    let judge = |key, value: &[u8]| ledger.judge_read(key, value, clock.at(7), clock.at(8));
    assert_eq!(judge(3, &new), Verdict::Right);
    assert!(is_stale(judge(3, &old)));
    assert_eq!(judge(3, &bytes(3, held)), Verdict::Late);
    assert_eq!(judge(3, &bytes(3, held)), Verdict::Right, "late once");
    assert!(matches!(judge(4, &new), Verdict::Wrong(WrongValue::AnotherKeys { owner: 3, .. })));
    assert_eq!(judge(3, &new[..50]), Verdict::Wrong(WrongValue::Torn { bytes: 50 }));
}

#[test]
fn the_last_value_is_stale_after_its_deletion() {
    let (ledger, clock) = ledger(10);
    let mut writer = ledger.writer(1);
    let value = write(&ledger, &mut writer, 3, clock.at(1), clock.at(2));
    assert_eq!(ledger.judge_read(3, &value, clock.at(3), clock.at(4)), Verdict::Right);
    ledger.record_deletion(3, clock.at(5), clock.at(6));
    assert!(is_stale(ledger.judge_read(3, &value, clock.at(7), clock.at(8))));
    // A write that is acknowledged after the write that replaced it is not the last one.
    let slow = ledger.begin_write(&mut writer, 3, clock.at(10));
    let new = write(&ledger, &mut ledger.writer(2), 3, clock.at(12), clock.at(13));
    ledger.end_write(3, slow, WriteOutcome::Acknowledged, clock.at(11));
    assert!(is_stale(ledger.judge_read(3, &bytes(3, slow), clock.at(14), clock.at(15))));
    assert_eq!(ledger.judge_read(3, &new, clock.at(14), clock.at(15)), Verdict::Right);
}

#[test]
fn values_of_another_process_are_always_right() {
    let (ledger, clock) = ledger(10);
    let earlier = WriteLedger::new(10, 78, clock.at(0));
    let foreign = write(&earlier, &mut earlier.writer(1), 3, clock.at(0), clock.at(1));
    let mut writer = ledger.writer(1);
    for start in 1..20 {
        write(&ledger, &mut writer, 3, clock.at(start * 10), clock.at(start * 10 + 5));
    }
    assert_eq!(ledger.judge_read(3, &foreign, clock.at(300), clock.at(301)), Verdict::Right);
}

#[test]
fn a_first_value_is_stale_after_the_first_write_if_all_first_values_were_acknowledged() {
    let (ledger, clock) = ledger(10);
    let first = bytes(3, ledger.warm_up_id());
    let judge = || ledger.judge_read(3, &first, clock.at(30), clock.at(31));
    assert_eq!(judge(), Verdict::Right);
    write(&ledger, &mut ledger.writer(1), 3, clock.at(10), clock.at(20));
    assert_eq!(judge(), Verdict::Right, "it may have been stored just now");
    ledger.set_warm();
    assert!(is_stale(judge()));
}

#[test]
fn writes_at_one_instant_have_different_names() {
    let (ledger, clock) = ledger(10);
    let (mut one, mut other) = (ledger.writer(1), ledger.writer(2));
    let names =
        [&mut one, &mut other].map(|writer| [0, 1].map(|key| ledger.begin_write(writer, key, clock.at(1))));
    let names = names.as_flattened();
    for (index, name) in names.iter().enumerate() {
        assert!(!names[..index].contains(name), "{names:?}");
    }
}

#[test]
fn keys_that_share_a_bucket_do_not_share_a_history() {
    let (ledger, clock) = ledger(u64::MAX);
    let (near, far) = (5, 5 + MAX_BUCKETS);
    let mut writer = ledger.writer(1);
    let value = write(&ledger, &mut writer, near, clock.at(1), clock.at(2));
    write(&ledger, &mut writer, far, clock.at(3), clock.at(4));
    assert_eq!(ledger.judge_read(near, &value, clock.at(5), clock.at(6)), Verdict::Right);
}

#[test]
fn values_written_last_are_right_for_every_key() {
    let (ledger, clock) = ledger(10_000);
    let mut writer = ledger.writer(1);
    let values: Vec<Vec<u8>> =
        (0..10_000).map(|key| write(&ledger, &mut writer, key, clock.at(1), clock.at(2))).collect();
    for (key, value) in (0..).zip(&values) {
        assert_eq!(ledger.judge_read(key, value, clock.at(3), clock.at(4)), Verdict::Right);
    }
}
