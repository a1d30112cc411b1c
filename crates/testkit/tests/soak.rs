//! The two sizes of a test and the reports, seen from outside. Only environment variables choose them.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::path::Path;
use std::process::Command;

use testkit::{Daemon, report, scale, secs, skipped};

/// Not a test of its own: the next tests run it with and without the variables.
#[test]
#[ignore = "only as the child of the next tests"]
fn child_that_reports() {
    report("title", [format!("{} operations", scale(5, 5_000)), "second".to_owned()]);
}

/// Not a test of its own either.
#[test]
#[ignore = "only as the child of the next tests"]
fn child_that_skips() {
    skipped("the moon", "it is new");
}

fn run(variables: &[(&str, &Path)]) -> String {
    run_test("child_that_reports", variables)
}

/// Runs a test without `--nocapture`, as most people do.
fn run_test(name: &str, variables: &[(&str, &Path)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored"]);
    command.envs(variables.iter().copied());
    let daemon = Daemon::run(command);
    assert_eq!(daemon.wait_exit(secs(30)), 0);
    daemon.stdout()
}

#[test]
fn the_small_size_is_the_default() {
    assert!(run(&[]).contains("## title\n\n- 5 operations\n- second\n"));
}

#[test]
fn the_large_size_reports_into_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("soak.md");
    for _ in 0..2 {
        run(&[("LAB_SOAK", Path::new("1")), ("LAB_SOAK_REPORT", &file)]);
    }
    let section = "## title\n\n- 5000 operations\n- second\n\n";
    assert_eq!(std::fs::read_to_string(&file).unwrap(), section.repeat(2));
}

#[test]
fn a_passing_test_reports_what_it_did_not_test() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("skipped");
    let shown = run_test("child_that_skips", &[("LAB_SKIPPED", &file)]);
    assert!(shown.contains("## Not tested: the moon\n\n- it is new\n"), "{shown}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not tested: the moon: it is new\n");
}
