//! Journals on a real disk: their lines, how a later start completes them, and what a full disk does.

use std::fs;

use daemon_core::values::Fraction;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::fault::toxic::{Stream, Toxic, ToxicKind};
use crate::lease::Lease;
use crate::lease::ownership::Liveness;
use crate::toxiproxy::{Power, Proxy, ProxyToxic};

const URL: &str = "http://127.0.0.1:8474";

fn leased(run: &RunId, step: u32) -> LeasedToxic {
    LeasedToxic {
        server: "memcached1".into(),
        lease: Lease { run: run.clone(), step, deadline: 9 },
        toxic: Toxic {
            stream: Stream::Replies,
            share: Fraction::ONE,
            kind: ToxicKind::Timeout { timeout: 0 },
        },
        fault: 0,
    }
}

fn proxy(toxics: &[&LeasedToxic]) -> Proxy {
    let placed = |leased: &&LeasedToxic| ProxyToxic {
        name: leased.lease.to_string(),
        kind: "timeout".into(),
        toxic: None,
    };
    Proxy {
        name: "memcached1".into(),
        listen: String::new(),
        upstream: String::new(),
        power: Power::Enabled,
        toxics: toxics.iter().map(placed).collect(),
    }
}

fn state() -> (TempDir, StateDir) {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::locate(Some(folder.path())).unwrap();
    (folder, state)
}

/// A run that has begun its journal.
fn begun() -> (TempDir, StateDir, RunId, Journal) {
    let ((folder, state), run) = (state(), RunId::new(1, 1));
    let journal = Journal::begin(&state, run.clone(), "blip", URL).unwrap();
    (folder, state, run, journal)
}

fn kinds(state: &StateDir, run: &RunId) -> Vec<String> {
    let text = fs::read_to_string(state.journal(run)).unwrap();
    let kind = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(value["at"].as_f64().is_some(), "{line}");
        value["kind"].as_str().unwrap().to_owned()
    };
    text.lines().map(kind).collect()
}

#[test]
fn every_event_of_a_run_is_one_line() {
    let (_folder, state, run, journal) = begun();
    assert_eq!(state.liveness(&run), Liveness::Alive);
    journal.record_intents(&[leased(&run, 0), leased(&run, 1)]).unwrap();
    journal.record_applied("memcached1", "x");
    journal.record_note("verdict", &serde_json::json!({ "pass": true })).unwrap();
    journal.record_removed("memcached1", "x");
    journal.record_end(Exit::Ok).unwrap();
    assert_eq!(kinds(&state, &run), ["begin", "intent", "intent", "applied", "verdict", "removed", "end"]);
    let text = fs::read_to_string(state.journal(&run)).unwrap();
    assert!(text.contains(r#""body":{"name":"rl."#), "{text}");
}

#[test]
fn the_journal_of_a_dead_run_is_completed_once_its_toxics_are_gone() {
    let (_folder, state, run, journal) = begun();
    let (one, two) = (leased(&run, 0), leased(&run, 1));
    journal.record_intents(&[one.clone(), two.clone()]).unwrap();
    assert_eq!(complete_journals(&state, URL, &[]), [], "it is alive");
    drop(journal);
    assert_eq!(complete_journals(&state, "http://127.0.0.1:1", &[]), [], "another Toxiproxy cannot tell");
    assert_eq!(complete_journals(&state, URL, &[proxy(&[&two])]), [], "one is still on");
    let cut_off = CutOffRun { run: run.to_string(), scenario: "blip".into() };
    assert_eq!(complete_journals(&state, URL, &[proxy(&[])]), [cut_off]);
    assert_eq!(kinds(&state, &run), ["begin", "intent", "intent", "removed", "removed", "aborted"]);
    assert_eq!(complete_journals(&state, URL, &[]), [], "once is enough");
}

#[test]
fn half_a_line_at_the_end_is_ignored() {
    let (_folder, state, run, journal) = begun();
    drop(journal);
    let mut text = fs::read_to_string(state.journal(&run)).unwrap();
    text.push_str("{\"kind\":\"intent\",\"ser");
    fs::write(state.journal(&run), text).unwrap();
    assert_eq!(complete_journals(&state, URL, &[]).len(), 1);
}

#[test]
fn old_journals_are_deleted_unless_a_toxic_may_be_left() {
    let (_folder, state) = state();
    for n in 0..5 {
        let run = RunId::new(n, 1);
        let journal = Journal::begin(&state, run.clone(), "blip", URL).unwrap();
        if n == 0 {
            journal.record_intents(&[leased(&run, 0)]).unwrap();
        }
        journal.record_end(Exit::Ok).unwrap();
    }
    past_runs::prune(&state, 2);
    let left: Vec<RunId> = [0, 3, 4].map(|n| RunId::new(n, 1)).into();
    assert_eq!(state.runs(), left);
}

#[test]
fn a_failed_write_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let state = StateDir::locate(Some(&file)).unwrap();
    let error = Journal::begin(&state, RunId::new(1, 1), "blip", URL).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot keep state in {}", file.display())), "{error}");

    let full = File::options().write(true).open("/dev/full").unwrap();
    let run = RunId::new(1, 1);
    let journal = Journal { run: run.clone(), path: "/dev/full".into(), file: Locked::new(full) };
    let error = journal.record_intents(&[leased(&run, 0)]).unwrap_err().to_string();
    assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
}

#[test]
fn a_journal_that_cannot_be_started_leaves_no_file() {
    let (folder, state) = state();
    let run = RunId::new(1, 1);
    std::fs::create_dir_all(folder.path().join("runs")).unwrap();
    std::os::unix::fs::symlink("/dev/full", state.journal(&run)).unwrap();
    let error = Journal::begin(&state, run, "blip", URL).unwrap_err().to_string();
    assert!(error.ends_with("No space left on device (os error 28)"), "{error}");
    assert_eq!(state.runs(), []);
    // A run that was cut off before its first line has left nothing.
    let empty = RunId::new(2, 2);
    drop(state.create(&state.journal(&empty)).unwrap());
    assert_eq!(complete_journals(&state, URL, &[]), []);
}

#[test]
fn a_deleted_journal_accepts_no_intent() {
    let (folder, _state, run, journal) = begun();
    journal.record_intents(&[leased(&run, 0)]).unwrap();
    std::fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let error = journal.record_intents(&[leased(&run, 1)]).unwrap_err().to_string();
    assert!(error.ends_with("it was deleted during the run"), "{error}");
    assert!(journal.record_end(Exit::Ok).is_err());
}
