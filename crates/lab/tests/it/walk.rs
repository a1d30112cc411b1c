//! A native lab from up to down, with the real cargo: a scenario that Prometheus sees, changes of settings, a killed scenario.

use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::{Daemon, eventually, http, secs};

use crate::harness::{NativeLab, ran};

#[test]
fn a_lab_from_up_to_down() {
    let lab = NativeLab::new().with_cargo().with_rate(600);
    lab.up();
    assert_eq!(
        lab.series("up{job=\"loadgen\"} == 1"),
        1,
        "up returned before Prometheus had scraped loadgen"
    );
    lab.run("status").succeeded();
    let before = lab.pids();
    lab.up();
    assert_eq!(lab.pids(), before, "a second up restarted something");
    another_client_reaches_only_loadgen(&lab);
    an_edited_lab_file_that_is_invalid_restarts_nothing(&lab);
    a_second_lab_is_refused(&lab);
    a_scenario_is_in_prometheus(&lab);
    status_shows_a_part_that_is_down(&lab);
    the_guard_cleans_up_after_a_killed_scenario(&lab);
    down_ends_a_running_scenario(&lab);
}

fn another_client_reaches_only_loadgen(lab: &NativeLab) {
    let has_client = || {
        let (_, pid) = lab.pids().into_iter().find(|(name, _)| name == "loadgen").unwrap();
        let environment = fs::read(Path::new("/proc").join(pid).join("environ")).unwrap();
        environment.split(|byte| *byte == 0).any(|entry| entry == b"LAB_CLIENT=fail-fast")
    };
    let text = ran(lab.lab_sh("up").env("LAB_CLIENT", "fail-fast")).succeeded();
    let restarted: Vec<&str> = text.lines().filter(|line| line.starts_with("restarting ")).collect();
    assert_eq!(restarted, ["restarting loadgen, which changed"]);
    assert!(has_client());
    lab.up();
    assert!(!has_client(), "an up without the variable keeps the client");
}

fn an_edited_lab_file_that_is_invalid_restarts_nothing(lab: &NativeLab) {
    let (file, before) = (lab.config.as_ref().unwrap(), lab.pids());
    let valid = fs::read_to_string(file).unwrap();
    fs::write(file, valid.replace("workload: mixed", "workload: mixd")).unwrap();
    let up = lab.run("up");
    assert!(up.code == 2 && up.text.contains("`workload` is `mixd`"), "{}: {}", up.code, up.text);
    assert_eq!(lab.pids(), before);
    fs::write(file, valid).unwrap();
}

fn a_second_lab_is_refused(lab: &NativeLab) {
    let up = ran(lab.lab_sh("up").env("LAB_HOME", lab.folder().join("second")));
    let message = format!("error: port {}, required by loadgen, is in use by pid", 9090 + lab.offset);
    assert!(up.code == 4 && up.text.contains(&message), "{}: {}", up.code, up.text);
}

fn a_scenario_is_in_prometheus(lab: &NativeLab) {
    let scenario = ["--scenario", "packet-loss-10", "--time-scale", "0.1"];
    let text = ran(lab.command(lab.home.join("bin/scenariod")).args(scenario).current_dir("/")).succeeded();
    assert!(text.contains("packet-loss-10"), "{text}");
    let seen = |query: &str| eventually(query, secs(10), || lab.series(query) > 0);
    seen("sum(memcache_operations_total) > 1000");
    for phase in 1..=3 {
        seen(&format!(
            "count_over_time((scenario_phase{{scenario=\"packet-loss-10\"}} == {phase})[5m:1s]) > 0"
        ));
    }
    seen("max_over_time(toxiproxy_toxic_active[5m]) == 1");
    seen("count(last_over_time(scenario_expectation_result[5m]) == 1) > 4");
    assert_eq!(toxics(lab), 0);
    let load = ["--rate", "200", "--duration", "2s", "--metrics-addr", "127.0.0.1:0", "--json"];
    let summary = ran(lab.command(lab.home.join("bin/loadgen")).args(load).current_dir("/")).succeeded();
    assert!(summary.contains("\"succeeded\": ") && !summary.contains("\"succeeded\": 0"), "{summary}");
    let logs = ran(lab.lab_sh("logs").arg("scenariod")).succeeded();
    assert!(logs.contains("\"kind\":\"end\""), "{logs}");
}

fn status_shows_a_part_that_is_down(lab: &NativeLab) {
    let sv = |word: &str| {
        let service = lab.home.join("service/guard");
        let sv = Command::new(testkit::program("sv")).args(["-w", "5", word]).arg(service).output().unwrap();
        assert!(sv.status.success(), "{sv:?}");
    };
    sv("down");
    let status = lab.run("status");
    let guard = status.text.lines().find(|line| line.starts_with("guard ")).unwrap();
    assert!(status.code == 1 && guard.contains(" down "), "{}: {}", status.code, status.text);
    sv("up");
    eventually("the guard in Prometheus", secs(20), || lab.series("up{job=\"guard\"} == 1") > 0);
}

fn the_guard_cleans_up_after_a_killed_scenario(lab: &NativeLab) {
    let mut command = lab.command(lab.home.join("bin/scenariod"));
    command.args(["run", "packet-loss-10", "--time-scale", "0.1"]);
    let scenario = Daemon::run(command);
    eventually("a toxic", secs(20), || toxics(lab) > 0);
    scenario.kill();
    eventually("the removal of the toxics by the guard", secs(15), || toxics(lab) == 0);
}

fn down_ends_a_running_scenario(lab: &NativeLab) {
    let mut command = lab.command(lab.home.join("bin/scenariod"));
    command.args(["run", "packet-loss-10"]);
    let scenario = Daemon::run(command);
    eventually("a scenario", secs(20), || scenario.stderr().contains("stabilization for"));
    eventually("it in Prometheus", secs(20), || lab.series("scenario_active == 1") > 0);
    assert!(lab.down().ends_with("the lab is down\n"));
    assert_eq!(scenario.wait_exit(secs(5)), 143, "{}", scenario.stderr());
    assert_eq!(lab.left(), Vec::<String>::new());
}

/// The number of toxics in Toxiproxy.
fn toxics(lab: &NativeLab) -> usize {
    let proxies = http::get(&format!("http://127.0.0.1:{}/proxies", 8474 + lab.offset)).unwrap().body;
    proxies.matches("\"toxicity\"").count()
}
