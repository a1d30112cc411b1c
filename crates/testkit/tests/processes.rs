//! Programs that the kit starts answer, can be killed, paused and restarted, and end with the test, however it ends.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use testkit::{Daemon, Memcached, Signal, eventually, secs};

fn runs(pid: u32) -> bool {
    // A zombie has ended too; nobody has reaped it yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn a_memcached_answers_and_ends_on_drop() {
    let memcached = Memcached::start();
    let (addr, pid) = (memcached.addr(), memcached.pid());
    assert_eq!(memcached.stats()["pid"], pid.to_string());
    drop(memcached);
    assert!(!runs(pid));
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_restarted_memcached_keeps_its_port() {
    let memcached = Memcached::start();
    let (addr, pid) = (memcached.addr(), memcached.pid());
    memcached.kill();
    assert!(TcpStream::connect(addr).is_err());
    memcached.restart();
    assert_ne!(memcached.pid(), pid);
    assert_eq!(memcached.stats()["pid"], memcached.pid().to_string());
    assert_eq!(memcached.addr(), addr);
}

#[test]
fn a_paused_memcached_accepts_connections_and_does_not_answer() {
    use std::io::{Read, Write};
    let memcached = Memcached::start();
    memcached.pause();
    let mut stream = TcpStream::connect(memcached.addr()).unwrap();
    stream.write_all(b"version\r\n").unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    assert!(stream.read(&mut [0; 64]).is_err());
    memcached.resume();
    stream.set_read_timeout(Some(secs(10))).unwrap();
    assert!(stream.read(&mut [0; 64]).unwrap() > 0);
}

#[test]
fn a_memcached_ends_with_a_panicking_test() {
    let pid = std::thread::spawn(|| {
        let memcached = Memcached::start();
        std::panic::panic_any(memcached.pid());
    });
    let pid = *pid.join().unwrap_err().downcast::<u32>().unwrap();
    assert!(!runs(pid));
}

/// Not a test of its own: the next test runs it and ends it with SIGKILL.
#[test]
#[ignore = "only as the child of the next test"]
fn child_that_is_killed() {
    let memcached = std::thread::spawn(Memcached::start).join().unwrap(); // the thread that starts it ends before it
    std::fs::write(std::env::var("PID_FILE").unwrap(), memcached.pid().to_string()).unwrap();
    eventually("SIGKILL", secs(60), || false);
}

#[test]
fn a_memcached_outlives_its_thread_and_ends_with_a_killed_test_runner() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_that_is_killed", "--ignored"]).env("PID_FILE", &file);
    let runner = Daemon::run(command);
    let pid = || std::fs::read_to_string(&file).ok().and_then(|text| text.parse().ok());
    eventually("the runner's memcached", secs(20), || pid().is_some());
    let pid = pid().unwrap();
    assert!(runs(pid), "it must outlive the thread that started it");
    runner.kill();
    eventually("the end of the runner's memcached", secs(10), || !runs(pid));
}

fn shell(script: &str) -> Daemon {
    Daemon::spawn("/bin/sh", ["-c", script])
}

#[test]
fn exit_code_and_output_of_a_daemon_are_kept() {
    let daemon = shell("echo out; echo err >&2; exit 3");
    assert_eq!(daemon.wait_exit(secs(10)), 3);
    assert_eq!((daemon.stdout().as_str(), daemon.stderr().as_str()), ("out\n", "err\n"));
}

#[test]
fn a_daemon_receives_signals() {
    let daemon = shell("trap 'exit 143' TERM; echo ready; while :; do sleep 0.05; done");
    eventually("the trap", secs(10), || daemon.stdout() == "ready\n");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait_exit(secs(10)), 143);
    daemon.signal(Signal::TERM); // it has ended: the signal must not reach another process
}

#[test]
#[should_panic(expected = "sh was killed by signal Some(15)")]
fn death_by_a_signal_is_not_an_exit_code() {
    let daemon = shell("kill -TERM $$; sleep 60");
    daemon.wait_exit(secs(10));
}

#[test]
fn a_daemon_gets_only_the_variables_of_its_command() {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo ${LAB_PORT_OFFSET-unset} ${LAB_BIN-unset}"]).env("LAB_BIN", "on purpose");
    let daemon = Daemon::run(command);
    daemon.wait_exit(secs(10));
    assert_eq!(daemon.stdout(), "unset on purpose\n");
}

#[test]
#[should_panic(expected = "cannot start nothing-here")]
fn a_missing_binary_is_named() {
    Daemon::spawn(Path::new("/nothing-here"), ["x"]);
}
