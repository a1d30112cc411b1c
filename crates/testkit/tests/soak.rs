//! The two tiers, seen from outside: the environment decides, and only the environment.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::path::Path;
use std::process::Command;

use testkit::{Daemon, report, scale, secs, skipped};

/// Not a test of its own: run by the next ones with and without the variables.
#[test]
#[ignore = "only as the child of the next tests"]
fn a_reporting_run() {
    report("title", [format!("{} operations", scale(5, 5_000)), "second".to_owned()]);
}

/// Nor this one.
#[test]
#[ignore = "only as the child of the next tests"]
fn a_skipping_run() {
    skipped("the moon", "it is new");
}

fn run(variables: &[(&str, &Path)]) -> String {
    run_test("a_reporting_run", variables)
}

/// As anybody runs it: nothing is asked for that libtest would not show by itself.
fn run_test(name: &str, variables: &[(&str, &Path)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored"]);
    command.envs(variables.iter().copied());
    let daemon = Daemon::run(command);
    assert_eq!(daemon.wait_exit(secs(30)), 0);
    daemon.stdout()
}

#[test]
fn the_small_tier_is_the_default() {
    assert!(run(&[]).contains("## title\n\n- 5 operations\n- second\n"));
}

#[test]
fn the_soak_tier_reports_into_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soak.md");
    for _ in 0..2 {
        run(&[("LAB_SOAK", Path::new("1")), ("LAB_SOAK_REPORT", &file)]);
    }
    let section = "## title\n\n- 5000 operations\n- second\n\n";
    assert_eq!(std::fs::read_to_string(&file).unwrap(), section.repeat(2));
}

#[test]
fn what_was_not_tested_is_said_by_a_test_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("skipped");
    let shown = run_test("a_skipping_run", &[("LAB_SKIPPED", &file)]);
    assert!(shown.contains("## Not tested: the moon\n\n- it is new\n"), "{shown}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not tested: the moon: it is new\n");
}
