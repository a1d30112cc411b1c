//! Journals on a real disk: what is in them, what a later start makes of them, and what a full disk does.

use std::fs;

use daemon_core::values::Fraction;
use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::fault::toxic::{Stream, Toxic, ToxicKind};
use crate::lease::Lease;
use crate::lease::ownership::Owner;
use crate::toxiproxy::{Placed, Power, Proxy};

const URL: &str = "http://127.0.0.1:8474";

fn step(run: &RunId, step: u32) -> Step {
    Step {
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

fn proxy(toxics: &[&Step]) -> Proxy {
    let placed = |step: &&Step| Placed { name: step.lease.to_string(), kind: "timeout".into(), toxic: None };
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
fn a_run_is_written_down_step_by_step() {
    let (_folder, state, run, journal) = begun();
    assert_eq!(state.owner(&run), Owner::Alive);
    journal.intend(&[step(&run, 0), step(&run, 1)]).unwrap();
    journal.applied("memcached1", "x");
    journal.note("verdict", &serde_json::json!({ "pass": true })).unwrap();
    journal.removed("memcached1", "x");
    journal.end(Exit::Ok).unwrap();
    assert_eq!(kinds(&state, &run), ["begin", "intent", "intent", "applied", "verdict", "removed", "end"]);
    let text = fs::read_to_string(state.journal(&run)).unwrap();
    assert!(text.contains(r#""body":{"name":"rl."#), "{text}");
}

#[test]
fn what_a_dead_run_left_is_settled_once_it_is_gone() {
    let (_folder, state, run, journal) = begun();
    let (one, two) = (step(&run, 0), step(&run, 1));
    journal.intend(&[one.clone(), two.clone()]).unwrap();
    assert_eq!(settle(&state, URL, &[]), [], "it is alive");
    drop(journal);
    assert_eq!(settle(&state, "http://127.0.0.1:1", &[]), [], "another Toxiproxy cannot tell");
    assert_eq!(settle(&state, URL, &[proxy(&[&two])]), [], "one is still on");
    let settled = Settled { run: run.to_string(), scenario: "blip".into() };
    assert_eq!(settle(&state, URL, &[proxy(&[])]), [settled]);
    assert_eq!(kinds(&state, &run), ["begin", "intent", "intent", "removed", "removed", "aborted"]);
    assert_eq!(settle(&state, URL, &[]), [], "once is enough");
}

#[test]
fn a_torn_line_spoils_nothing() {
    let (_folder, state, run, journal) = begun();
    drop(journal);
    let mut text = fs::read_to_string(state.journal(&run)).unwrap();
    text.push_str("{\"kind\":\"intent\",\"ser");
    fs::write(state.journal(&run), text).unwrap();
    assert_eq!(settle(&state, URL, &[]).len(), 1);
}

#[test]
fn old_journals_go_unless_they_tell_of_residue() {
    let (_folder, state) = state();
    for n in 0..5 {
        let run = RunId::new(n, 1);
        let journal = Journal::begin(&state, run.clone(), "blip", URL).unwrap();
        if n == 0 {
            journal.intend(&[step(&run, 0)]).unwrap();
        }
        journal.end(Exit::Ok).unwrap();
    }
    past::prune(&state, 2);
    let left: Vec<RunId> = [0, 3, 4].map(|n| RunId::new(n, 1)).into();
    assert_eq!(state.runs(), left);
}

#[test]
fn a_disk_that_takes_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let state = StateDir::locate(Some(&file)).unwrap();
    let error = Journal::begin(&state, RunId::new(1, 1), "blip", URL).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot keep state in {}", file.display())), "{error}");

    let full = File::options().write(true).open("/dev/full").unwrap();
    let run = RunId::new(1, 1);
    let journal = Journal { run: run.clone(), path: "/dev/full".into(), file: Mutex::new(full) };
    let error = journal.intend(&[step(&run, 0)]).unwrap_err().to_string();
    assert!(error.starts_with("cannot write /dev/full: No space left"), "{error}");
}

#[test]
fn a_journal_that_cannot_begin_leaves_nothing_behind() {
    let (folder, state) = state();
    let run = RunId::new(1, 1);
    std::fs::create_dir_all(folder.path().join("runs")).unwrap();
    std::os::unix::fs::symlink("/dev/full", state.journal(&run)).unwrap();
    let error = Journal::begin(&state, run, "blip", URL).unwrap_err().to_string();
    assert!(error.ends_with("No space left on device (os error 28)"), "{error}");
    assert_eq!(state.runs(), []);
    // One that was cut off before its first line tells of nothing.
    let empty = RunId::new(2, 2);
    drop(state.create(&state.journal(&empty)).unwrap());
    assert_eq!(settle(&state, URL, &[]), []);
}

#[test]
fn a_journal_that_somebody_removed_takes_no_intent() {
    let (folder, _state, run, journal) = begun();
    journal.intend(&[step(&run, 0)]).unwrap();
    std::fs::remove_dir_all(folder.path().join("runs")).unwrap();
    let error = journal.intend(&[step(&run, 1)]).unwrap_err().to_string();
    assert!(error.ends_with("somebody removed it while the run was on"), "{error}");
    assert!(journal.end(Exit::Ok).is_err());
}
