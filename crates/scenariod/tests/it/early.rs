//! Runs that end early: what is expected of the whole run is held against what there was of it, its figures are kept, and
//! neither the summary of a loop nor the gauges show the run before it.

use serde_json::Value;
use testkit::{Daemon, Lab, Prometheus, Signal, eventually, secs};

use crate::harness::{await_phase, clean_exit, ours, start_file};
use crate::verdict::{load, watched, with_result};

/// Every read that hits stands for a wrong value.
const TEXT: &str = r#"
family: mine
phases: { stabilization: 1500ms, testing: 3s, recovery: 1s }
scenarios:
  - name: sound
    about: nothing is wrong with it
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    expect: [{ name: closed, phase: testing, must: at_end, promql: 'memcache_circuit_breaker_state{server=~"$targets"} == bool 0' }]
  - name: wrong
    about: wrong from the start
    phases: { testing: 60s }
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    expect:
      - { name: nothing is wrong, phase: run, must: never, promql: 'sum by (server) (increase(memcache_hits_total[1s])) > bool 0' }
      - { name: later, phase: recovery, must: at_end, promql: 'memcache_circuit_breaker_state == bool 0' }
  - name: hurt
    about: cut off, with all the time in the world to recover
    phases: { recovery: 60s }
    faults: [{ target: memcached1, fault: blackhole, direction: both }]
    expect: [{ name: nothing is wrong, phase: run, must: never, promql: 'sum by (server) (increase(memcache_corrupt_reads_total[1s])) > bool 0' }]
  - name: stopped
    about: wrong, and stopped
    phases: { testing: 60s }
    faults: [{ target: memcached1, fault: latency, delay: 20ms }]
    expect: [{ name: nothing is wrong, phase: run, must: never, promql: 'sum by (server) (increase(memcache_hits_total[1s])) > bool 0' }]
    stop_when: [{ name: it is slow, for: 4s, promql: 'sum(rate(memcache_operations_total[1s])) > bool 0' }]
"#;

fn lab() -> (Lab, Prometheus, Daemon) {
    let lab = Lab::start(1);
    let (prometheus, loadgen) = watched(&lab, &[]);
    (lab, prometheus, loadgen)
}

/// The exit code and the report of a run to which this is done in the middle of testing.
#[track_caller]
fn cut(
    lab: &Lab,
    prometheus: &Prometheus,
    scenario: &str,
    act: impl FnOnce(&Daemon),
) -> (i32, Value, String) {
    let daemon = start_file(lab, scenario, TEXT, &["--prometheus", &prometheus.url(), "--json"]);
    await_phase(&daemon, scenario, 2);
    // Reads take 20 ms with the fault and far less without it.
    let seen = "rate(memcache_operation_service_seconds_bucket{operation=\"get\", le=\"0.01\"}[1s]) == 0";
    prometheus.wait_for(seen, secs(20), |series| !series.is_empty());
    act(&daemon);
    let code = clean_exit(&daemon, &lab.toxiproxy);
    let report: Value = serde_json::from_str(&daemon.stdout()).unwrap();
    (code, report["runs"][0].clone(), daemon.stderr())
}

#[track_caller]
fn has_figures_of_what_there_was(report: &Value) {
    let phases = report["nodes"][0]["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    assert_eq!(names, ["stabilization", "testing"], "{report:#}");
    assert!(phases[1]["operations_per_second"].as_f64() > Some(0.0), "{report:#}");
    assert_eq!(report["nodes"][0]["time_to_recover_seconds"], Value::Null, "{report:#}");
}

#[test]
fn what_is_wrong_in_a_run_that_ends_early_fails_it_all_the_same() {
    let (lab, prometheus, _loadgen) = lab();

    let (code, report, stderr) = cut(&lab, &prometheus, "wrong", |_| lab.toxiproxy.restart());
    assert_eq!((code, report["status"].as_str()), (1, Some("failed")), "{stderr}{report:#}");
    assert_eq!(with_result(&report, "fail"), ["nothing is wrong"], "{report:#}");
    assert_eq!(report["expectations"].as_array().map(Vec::len), Some(1), "{report:#}");
    has_figures_of_what_there_was(&report);
    let note = "no toxic is left; 0 of 1 expectations of the whole run passed, 1 failed";
    assert!(stderr.contains("failed: the injector was lost") && stderr.contains(note), "{stderr}");
    prometheus.wait_for("rate(memcache_hits_total[1s]) > 0", secs(20), |series| !series.is_empty());

    let (code, report, stderr) = cut(&lab, &prometheus, "stopped", |_| {});
    assert_eq!((code, report["status"].as_str()), (1, Some("failed")), "{stderr}{report:#}");
    assert_eq!(with_result(&report, "fail"), ["nothing is wrong"], "{report:#}");
    has_figures_of_what_there_was(&report);

    let (code, report, stderr) = cut(&lab, &prometheus, "wrong", |run| run.signal(Signal::INT));
    assert_eq!((code, report["status"].as_str()), (130, Some("aborted")), "{stderr}{report:#}");
    assert_eq!(with_result(&report, "fail"), ["nothing is wrong"], "{report:#}");
    has_figures_of_what_there_was(&report);
}

#[test]
fn of_a_recovery_that_is_cut_short_nobody_knows_how_it_would_have_ended() {
    let (lab, prometheus, loadgen) = lab();
    loadgen.signal(Signal::TERM);
    assert_eq!(loadgen.wait_exit(secs(10)), 0, "{}", loadgen.stderr());
    let _impatient = load(&lab, &["--op-timeout", "100ms"]);
    prometheus.wait_for("rate(memcache_hits_total[1s]) > 0", secs(20), |series| !series.is_empty());
    let daemon = start_file(&lab, "hurt", TEXT, &["--prometheus", &prometheus.url()]);
    await_phase(&daemon, "hurt", 3);
    daemon.signal(Signal::INT);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 130, "{}", daemon.stderr());
    let told = daemon.stdout();
    assert!(told.contains("memcached1: breaker opened after "), "{told}");
    assert!(!told.contains("recovered") && !told.contains("not seen to recover"), "{told}");
}

#[test]
fn a_loop_shows_its_worst_run_and_the_gauges_its_last() {
    let (lab, prometheus, _loadgen) = lab();
    let url = prometheus.url();
    let daemon = start_file(&lab, "sound", TEXT, &["--prometheus", &url, "--loop", "2", "--linger", "60s"]);
    let closed = [("scenario", "sound"), ("expectation", "closed")];
    daemon.scrape_until("the first run to hold", secs(30), |page| {
        page.value("scenario_expectation_result", closed) == Some(1.0)
    });
    await_phase(&daemon, "sound", 2);
    eventually("the toxic", secs(5), || !ours(&lab.toxiproxy).is_empty());
    lab.toxiproxy.restart();
    let page = daemon.scrape_until("the second run to end", secs(30), |page| {
        page.value("scenario_runs_total", [("status", "inconclusive")]) == Some(1.0)
            && page.value("scenario_expectation_result", closed) != Some(1.0)
    });
    assert_eq!(page.value("scenario_expectation_result", closed), Some(-1.0));
    daemon.signal(Signal::INT);
    let code = clean_exit(&daemon, &lab.toxiproxy);
    assert!([3, 130].contains(&code), "{code}\n{}", daemon.stderr());
    let first = daemon.stdout().lines().next().unwrap().to_owned();
    assert!(first.starts_with("sound (run ") && first.contains("): inconclusive: "), "{}", daemon.stdout());
}
