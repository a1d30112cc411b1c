//! What a machine or a caller denies: descriptors, signals. scenariod does not panic, and blames nobody else.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use testkit::{Daemon, Lab, Signal, eventually, secs, sleep};

use crate::harness::{BIN, await_phase, catalogue, clean_exit, start, start_file};
use crate::verdict::load;

const SCENARIOS: &str = "\
family: mine
phases: { stabilization: 1500ms, testing: 4s, recovery: 1500ms }
scenarios:
  - name: slow
    about: one node is slow
    faults: [{ target: memcached1, fault: latency, delay: 5ms }]
    expect:
      - { name: no error, phase: testing, must: never, promql: 'sum(rate(memcache_operation_errors_total[1s])) > bool 0' }
      - { name: right, phase: run, must: never, promql: 'sum(rate(memcache_corrupt_reads_total[1s])) > bool 0' }
";

fn shell(script: &str) -> Command {
    let mut command = testkit::command("bash");
    command.args(["-c", script, "bash", BIN]);
    command
}

#[test]
fn no_number_of_descriptors_causes_a_panic() {
    let lab = Lab::start(1);
    let folder = catalogue(&lab, SCENARIOS).display().to_string();
    for limit in 3..40 {
        for command in ["--scenario=slow", "clean", "check"] {
            let mut limited = shell(&format!("ulimit -n {limit}; exec \"$@\""));
            limited.args(["--config".as_ref(), lab.config().as_os_str()]).args([
                "--catalogue",
                &folder,
                command,
            ]);
            if command == "--scenario=slow" {
                limited.args(["--dry-run", "--no-verdict"]);
            }
            let output = limited.env("LAB_STATE", lab.folder().join("state")).output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            let code = output.status.code().unwrap();
            // With fewer than about six the shell cannot start the program.
            assert!([0, 2, 4, 5, 126, 127].contains(&code), "{limit} {command}: {code}: {stderr}");
            assert!(!stderr.contains("panicked"), "{limit} {command}: {stderr}");
        }
    }
}

/// As under `nohup`, or in the background of a script.
#[test]
fn signals_that_the_caller_ignores_do_not_end_a_run() {
    let lab = Lab::start(1);
    let folder = catalogue(&lab, crate::harness::SCENARIOS).display().to_string();
    let mut ignoring = shell("trap '' HUP INT; exec \"$@\"");
    ignoring.arg("--config").arg(lab.config());
    ignoring.args(["--scenario", "long", "--catalogue", &folder, "--linger", "0s", "--no-verdict"]);
    let daemon = Daemon::run(ignoring_state(ignoring, &lab)).serving(lab.scenariod_addr);
    await_phase(&daemon, "long", 1);
    daemon.signal(Signal::HUP);
    daemon.signal(Signal::INT);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(!daemon.stderr().contains("SIG"), "{}", daemon.stderr());
    let daemon = start(&lab, "long", &[]);
    await_phase(&daemon, "long", 1);
    daemon.signal(Signal::HUP);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 143, "{}", daemon.stderr());
    assert!(daemon.stderr().contains("SIGHUP: removing injected faults"), "{}", daemon.stderr());
}

fn ignoring_state(mut command: Command, lab: &Lab) -> Command {
    command.env("LAB_STATE", lab.folder().join("state"));
    command
}

#[test]
fn a_shortage_of_the_load_generators_machine_is_not_the_clients() {
    let lab = Lab::start(1);
    let loadgen = load(&lab, &["--max-lifetime", "200ms"]);
    let prometheus = lab.prometheus();
    let daemon = start_file(&lab, "slow", SCENARIOS, &["--prometheus", &prometheus.url(), "--json"]);
    await_phase(&daemon, "slow", 2);
    sleep(Duration::from_millis(1_500));
    loadgen.limit_descriptors(4);
    eventually("the shortage", secs(5), || loadgen.stderr().contains("Too many open files"));
    sleep(Duration::from_millis(200));
    loadgen.limit_descriptors(1_024);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap();
    let run = &report["runs"][0];
    let note = run["note"].as_str().unwrap();
    let said = "the load generator could not open connections on its own machine: ";
    assert!(note.starts_with(said) && note.contains("errors of type `local` (memcached1 "), "{note}");
    assert_eq!(run["status"], "inconclusive", "{run:#}");
    assert_ne!(run["expectations"][0]["result"], "fail", "{run:#}");
}
