//! The commands of a lab in Docker Compose. `docker` is a script that records its arguments: what it does with them is not tested here.

use std::fs;

use crate::harness::{NativeLab, ran, script};

#[test]
fn each_command_runs_in_a_container_of_its_own_and_returns_its_exit_code() {
    let lab = NativeLab::new();
    fs::create_dir_all(&lab.home).unwrap();
    fs::write(lab.home.join("env"), "LAB_ENGINE=docker\nLAB_PORT_OFFSET=0\n").unwrap();
    let calls = lab.folder().join("calls");
    script(
        &lab.stubs().join("docker"),
        &format!("echo \"$*\" >>'{}'\n[ \"$1\" != wait ] || echo 3\n", calls.display()),
    );
    for (daemon, arguments, options) in [
        ("loadgen", "--rate 5", "--no-deps loadgen --rate 5"),
        (
            "scenariod",
            "--scenario smoke",
            "--no-deps --use-aliases --service-ports scenariod --scenario smoke",
        ),
        ("scenariod", "run smoke", "--no-deps --use-aliases --service-ports scenariod run smoke"),
        ("scenariod", "list", "--no-deps --use-aliases scenariod list"),
    ] {
        let mut command = lab.command(lab.checkout.join("deploy/daemon.sh"));
        let ran = ran(command.arg(daemon).args(arguments.split(' ')));
        assert_eq!(ran.code, 3, "{daemon} {arguments}: {}", ran.text);
        let called = fs::read_to_string(&calls).unwrap();
        let run = called.lines().find_map(|line| line.split_once(" run -d --name ")?.1.split_once(' '));
        assert_eq!(run.map(|(_, options)| options), Some(options), "{called}");
        fs::remove_file(&calls).unwrap();
    }
    // The lab of the test is not in Docker.
    fs::remove_file(lab.home.join("env")).unwrap();
    fs::remove_file(lab.stubs().join("docker")).unwrap();
}

#[test]
fn compose_passes_every_variable_of_loadgen_on() {
    let compose = fs::read_to_string(testkit::workspace().join("deploy/docker-compose.yml")).unwrap();
    let is_name = |name: &&str| {
        name.starts_with("LAB_") && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    let passed: Vec<&str> =
        compose.lines().filter_map(|line| line.trim_start().strip_prefix("- ")).filter(is_name).collect();
    let read = ran(testkit::command(testkit::workspace_bin("loadgen")).arg("variables")).succeeded();
    assert!(read.lines().count() > 10, "{read}");
    assert_eq!(passed, read.lines().collect::<Vec<_>>());
}
