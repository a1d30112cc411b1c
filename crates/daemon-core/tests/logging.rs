//! A daemon whose log has no reader any more goes on.

use std::process::{Command, Stdio};

/// Exit code of the child that logged to the end.
const LOGGED: i32 = 7;

#[test]
#[ignore = "only as the child of the next test"]
#[allow(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "it is a process of its own, and its code is its answer"
)]
fn a_daemon_that_logs() {
    daemon_core::logging::init("info");
    // Standard input ends when the parent has closed its end of our standard error.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    for line in 0..1000 {
        tracing::error!(line, "nobody reads this");
    }
    std::process::exit(LOGGED);
}

#[test]
fn a_log_without_a_reader_ends_nothing() {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_daemon_that_logs", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stderr.take());
    drop(child.stdin.take());
    assert_eq!(child.wait().expect("ends").code(), Some(LOGGED));
}
