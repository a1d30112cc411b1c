//! Builders for the tests: a command line of scenariod with its exact result, and short scenarios on a lab.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use testkit::{CommandLine, Daemon, Lab, Toxiproxy, free_addr, secs};

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_scenariod");
/// No run of a test takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// scenariod without a developer's variables and with a state folder of the tests. All tests share that folder: a test
/// that needs its own has a lab and `Lab::command`.
pub(crate) fn command() -> Command {
    let mut command = testkit::command(BIN);
    command.env("LAB_STATE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
    command
}

/// A command line of scenariod, with a state folder of its own, and the exact result that it must have.
pub(crate) fn command_line(args: &[&str]) -> CommandLine {
    let line = CommandLine::new(BIN, args);
    let state = line.folder().join("state");
    line.variable("LAB_STATE", state)
}

/// Short phases on a lab of its own: `slow` makes one node slow, `both` two of them.
pub(crate) const SCENARIOS: &str = "\
family: short
phases: { stabilization: 400ms, testing: 800ms, recovery: 400ms }
scenarios:
  - { name: slow, about: one node slow, faults: [{ target: memcached1, fault: latency, delay: 7ms, jitter: 3ms }] }
  - { name: both, about: two nodes slow, faults: [{ target: [memcached1, memcached2], fault: latency, delay: 7ms }] }
  - name: long
    about: time enough for a signal in each phase
    phases: { stabilization: 1500ms, testing: 1500ms, recovery: 1500ms }
    faults: [{ target: memcached1, fault: packet_loss, rate: 0.1 }]
";

/// The number of toxics that make the fault of `long`.
pub(crate) const LONG_TOXICS: usize = 12;

/// Starts a scenario of `SCENARIOS` on the lab. `--linger` is `0s` unless `args` set it.
#[track_caller]
pub(crate) fn start(lab: &Lab, scenario: &str, args: &[&str]) -> Daemon {
    start_file(lab, scenario, SCENARIOS, args)
}

/// A folder of the lab with this scenario file.
#[track_caller]
pub(crate) fn catalogue(lab: &Lab, text: &str) -> PathBuf {
    let folder = lab.folder().join("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    // By a rename, because another run may be reading it.
    std::fs::write(folder.join("short.new"), text).unwrap();
    std::fs::rename(folder.join("short.new"), folder.join("short.yaml")).unwrap();
    folder
}

/// Starts a scenario of this scenario file.
#[track_caller]
pub(crate) fn start_file(lab: &Lab, scenario: &str, text: &str, args: &[&str]) -> Daemon {
    let catalogue = catalogue(lab, text).display().to_string();
    let mut all = vec!["--scenario", scenario, "--catalogue", &catalogue];
    if !args.contains(&"--linger") {
        all.extend(["--linger", "0s"]);
    }
    // These tests are about faults. Only those with a Prometheus have a verdict.
    if !args.contains(&"--prometheus") && !args.contains(&"--no-verdict") {
        all.push("--no-verdict");
    }
    all.extend(args);
    lab.scenariod(BIN, all)
}

/// A guard of this lab that checks every 100 ms.
#[track_caller]
pub(crate) fn guard(lab: &Lab, args: &[&str]) -> Daemon {
    let addr = free_addr();
    let metrics = addr.to_string();
    let all = ["guard", "--interval", "100ms", "--metrics-addr", &metrics];
    let daemon = Daemon::run(lab.command(BIN, all.iter().chain(args))).serving(addr);
    daemon.scrape_until("the guard", secs(10), |_| true);
    daemon
}

/// Waits until the phase gauge has this value.
#[track_caller]
pub(crate) fn await_phase(daemon: &Daemon, scenario: &str, phase: u8) {
    daemon.scrape_until(&format!("phase {phase}"), secs(10), |scrape| {
        scrape.value("scenario_phase", [("scenario", scenario)]) == Some(f64::from(phase))
    });
}

/// The exit code. No toxic of scenariod may be left by then.
#[track_caller]
pub(crate) fn clean_exit(daemon: &Daemon, toxiproxy: &Toxiproxy) -> i32 {
    let code = daemon.wait_exit(DEADLINE);
    assert_eq!(ours(toxiproxy), Vec::<String>::new(), "\n{}", daemon.stderr());
    code
}

/// The toxics of scenariod, read without it.
#[track_caller]
pub(crate) fn ours(toxiproxy: &Toxiproxy) -> Vec<String> {
    toxiproxy.toxic_names().into_iter().filter(|name| name.contains("/rl.")).collect()
}

/// One toxic without its name.
pub(crate) fn nameless(toxic: &Value) -> Value {
    let mut toxic = toxic.clone();
    toxic.as_object_mut().unwrap().remove("name");
    toxic
}

/// A path of the repository.
pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
        .canonicalize()
        .unwrap()
        .display()
        .to_string()
}
