//! What a developer's shell sets never reaches a program that a test starts, on any of the ways to start one.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::Command;

use testkit::{CommandLine, Daemon, Lab, command, secs};

/// What a developer may have set.
const VARIABLES: [&str; 8] = [
    "LAB_PROMETHEUS",
    "LAB_CONFIG",
    "LAB_STATE",
    "LAB_PORT_OFFSET",
    "LAB_CLIENT",
    "LAB_WHAT_A_LATER_VERSION_READS",
    "RUST_LOG",
    "http_proxy",
];

/// Prints each variable that is set.
const PRINT: &str = "env | grep -E '^(LAB_|RUST_LOG|http_proxy)' | sort";

fn printed(mut command: Command) -> String {
    String::from_utf8(command.args(["-c", PRINT]).output().unwrap().stdout).unwrap()
}

/// Not a test of its own: the next test runs it with the variables set.
#[test]
#[ignore = "only as the child of the next test"]
fn child_with_the_variables() {
    for name in VARIABLES {
        assert_eq!(std::env::var(name).as_deref(), Ok("of a developer"), "{name} is set for this test");
    }
    assert_eq!(printed(command("/bin/sh")), "");
    CommandLine::new("/bin/sh", ["-c", PRINT]).stdout("").run();
    CommandLine::new("/bin/sh", ["-c", PRINT])
        .variable("LAB_CLIENT", "of the test")
        .stdout("LAB_CLIENT=of the test")
        .run();

    let daemon = Daemon::spawn("/bin/sh", ["-c", PRINT]);
    daemon.wait_exit(secs(10));
    assert_eq!(daemon.stdout(), "");
    let mut own = Command::new("/bin/sh"); // not made by `command`
    own.args(["-c", PRINT]).env("LAB_STATE", "of the test");
    let daemon = Daemon::run(own);
    daemon.wait_exit(secs(10));
    assert_eq!(daemon.stdout(), "LAB_STATE=of the test\n");

    let lab = Lab::start(1);
    let state = lab.folder().join("state").display().to_string();
    let scenariod = lab.command("scenariod", [""; 0]); // its arguments are scenariod's, so that no shell can run it
    let variables: BTreeMap<_, _> = scenariod.get_envs().collect();
    for name in VARIABLES {
        let expected = (name == "LAB_STATE").then_some(OsStr::new(&state));
        assert_eq!(variables.get(OsStr::new(name)), Some(&expected), "{name}");
    }
}

#[test]
fn no_variable_of_a_developer_reaches_a_program_under_test() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child_with_the_variables", "--ignored"]);
    child.envs(VARIABLES.map(|name| (name, "of a developer")));
    let output = child.output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
}
