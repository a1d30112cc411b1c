//! The summary in both formats, of a run with operations and of one without.

use std::sync::Arc;
use std::time::Duration;

use daemon_core::signals::Signal;
use metrics_core::families::client::{ClientFamilies, ClientShard, FinishedOperation};
use metrics_core::labels::{CorruptKind, ErrorType, Operation};

use super::{Ending, RunInfo, summarize};
use crate::pacer::Pacer;
use crate::plan::{Pace, SummaryFormat};
use crate::profile::{LoadProfile, Rate};
use crate::recorder::test_families::client_families;

/// Two nodes and two load threads.
fn families() -> Arc<ClientFamilies> {
    client_families(&["a", "b"].map(str::to_owned), 2)
}

fn about(format: SummaryFormat, pace: Pace) -> RunInfo {
    let nodes = vec!["a".to_owned(), "b".to_owned()];
    RunInfo { format, workload: "mixed".to_owned(), pace, seed: 42, nodes, duration: None }
}

fn after(seconds: u64) -> Ending {
    Ending { ran: Duration::from_secs(seconds), signal: None }
}

fn open() -> Pace {
    let profile = LoadProfile::Constant(Rate::new(2).unwrap());
    Pace::Open { profile, max_start_delay: Duration::from_secs(1) }
}

fn finish(shard: &ClientShard, server: usize, outcome: Result<(), ErrorType>, millis: u64) {
    let time = Duration::from_millis(millis);
    shard.started(server);
    shard.started_late(Duration::from_micros(10));
    shard.finished(&FinishedOperation {
        server,
        operation: Operation::Get,
        outcome,
        latency: time,
        service: outcome.is_ok().then_some(time),
    });
}

/// Three operations in two seconds, and one that was started and then dropped because it got no connection.
fn ran() -> Arc<ClientFamilies> {
    let families = families();
    let (one, other) = (families.shard(0).unwrap(), families.shard(1).unwrap());
    finish(&one, 0, Ok(()), 1);
    one.hit(0);
    finish(&other, 0, Err(ErrorType::Timeout), 500);
    finish(&other, 1, Err(ErrorType::Corrupt), 2);
    other.corrupt(1, CorruptKind::Stale);
    one.started(0);
    one.started_late(Duration::from_micros(10));
    one.abandoned(0);
    families
}

#[test]
fn the_text_shows_operations_rates_times_and_errors() {
    assert_eq!(
        summarize(&about(SummaryFormat::Text, open()), &ran(), after(2)).0,
        "3 operations in 2.0 s, 2/s of 2/s requested, seed 42\n\
         failed: 2 (66.67%): timeout 1, corrupt 1\n\
         sent: get 3\n\
         hits: 1 (100.00%) of 1 reads, wrong values: 1 (stale 1)\n\
         dropped: 1 (25.00%) of 4 due\n\
         latency: p50 2.007 ms, p90 500.0 ms, p99 500.0 ms, p99.9 500.0 ms, max 500.0 ms\n\
         service: p50 1.000 ms, p90 1.000 ms, p99 1.000 ms, p99.9 1.000 ms, max 1.000 ms\n\
         lateness: p50 0.010 ms, p90 0.010 ms, p99 0.010 ms, p99.9 0.010 ms, max 0.010 ms\n\
         a: 2 operations, failed 1 (50.00%): timeout 1; p50 1.004 ms, p90 500.0 ms, p99 500.0 ms, p99.9 500.0 ms, max 500.0 ms\n\
         b: 1 operations, failed 1 (100.00%): corrupt 1; p50 2.000 ms, p90 2.000 ms, p99 2.000 ms, p99.9 2.000 ms, max 2.000 ms\n"
    );
    let closed = Pace::Closed(Pacer::default());
    assert_eq!(
        summarize(&about(SummaryFormat::Text, closed), &families(), after(0)).0,
        "0 operations in 0.0 s, 0/s, seed 42\nfailed: 0 (0.00%)\nsent\nhits: 0 (0.00%) of 0 reads, wrong values: 0\n\
         a: 0 operations, failed 0 (0.00%)\nb: 0 operations, failed 0 (0.00%)\n"
    );
}

#[test]
fn a_load_that_a_signal_ended_says_so() {
    let closed = Pace::Closed(Pacer::default());
    let text = |duration, signal| {
        let info = RunInfo { duration, ..about(SummaryFormat::Text, closed) };
        let ending = Ending { signal, ..after(61) };
        summarize(&info, &families(), ending).0.lines().nth(1).unwrap().to_owned()
    };
    let hour = Some(Duration::from_secs(3_600));
    assert_eq!(text(hour, Some(Signal::Hangup)), "ended by SIGHUP after 61.0 s of 1h");
    assert_eq!(text(None, Some(Signal::Interrupt)), "ended by SIGINT");
    assert_eq!(text(hour, None), "failed: 0 (0.00%)");
    let info = RunInfo { duration: hour, ..about(SummaryFormat::Json, closed) };
    let ending = Ending { signal: Some(Signal::Terminate), ..after(61) };
    let json: serde_json::Value = serde_json::from_str(&summarize(&info, &families(), ending).0).unwrap();
    assert_eq!((&json["ended_by"], &json["requested_seconds"]), (&"SIGTERM".into(), &3_600.0.into()));
}

#[test]
fn values_of_other_programs_are_shown() {
    let families = families();
    families.shard(0).unwrap().foreign_value(1);
    let text = summarize(&about(SummaryFormat::Text, open()), &families, after(1)).0;
    assert!(text.contains("\nvalues of other programs: 1, not checked\n"), "{text}");
}

/// Every path of an object, with arrays as values.
fn keys(value: &serde_json::Value, path: &str, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            map.iter().for_each(|(key, value)| keys(value, &format!("{path}/{key}"), into));
        }
        _ => into.push(path.to_owned()),
    }
}

#[test]
fn the_object_always_has_the_same_keys() {
    let parsed = |pace, families: &ClientFamilies, seconds| -> serde_json::Value {
        let text = summarize(&about(SummaryFormat::Json, pace), families, after(seconds)).0;
        serde_json::from_str(&text).unwrap()
    };
    let (some, none) = (parsed(open(), &ran(), 2), parsed(Pace::Closed(Pacer::default()), &families(), 0));
    let (mut of_some, mut of_none) = (Vec::new(), Vec::new());
    keys(&some, "", &mut of_some);
    keys(&none, "", &mut of_none);
    assert_eq!(of_some, of_none);
    let at = |path: &str| some.pointer(path).unwrap_or_else(|| panic!("{path} in {some}"));
    for (path, value) in [
        ("/operations", 3),
        ("/seed", 42),
        ("/dropped", 1),
        ("/total/failed", 2),
        ("/total/errors/timeout", 1),
        ("/total/errors/io", 0),
        ("/total/operations/get/success", 1),
        ("/total/operations/set/failed", 0),
        ("/total/wrong_values/stale", 1),
        ("/nodes/b/latency_seconds/count", 1),
        ("/start_lateness_seconds/count", 4),
    ] {
        assert_eq!(at(path), value, "{path}");
    }
    assert_eq!((at("/rate/asked"), at("/rate/reached")), (&2.0.into(), &1.5.into()));
    assert_eq!(at("/total/latency_seconds/max"), 0.5);
    assert!(none.pointer("/rate/asked").unwrap().is_null() && none.pointer("/dropped").unwrap().is_null());
    assert!(none.pointer("/total/service_seconds/p99_9").unwrap().is_null());
}
