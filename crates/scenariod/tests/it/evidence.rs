//! What counts as evidence: the series of load generators that Prometheus scrapes, and queries with enough samples. A dry run says
//! the same before.

use std::time::Duration;

use serde_json::Value;
use testkit::{Lab, Prometheus, free_addr, secs};

use crate::harness::{clean_exit, ours, start_file};
use crate::verdict::{load, with_result};

const SCRAPE: Duration = Duration::from_millis(250);

/// Gauges have no range, so Prometheus returns old values of them. Two of these queries have no label of the instance.
const CALM: &str = r#"
family: mine
phases: { stabilization: 1s, testing: 2s, recovery: 1s }
scenarios:
  - name: calm
    about: one node is a little slower
    faults: [{ target: { first: 1 }, fault: latency, delay: 5ms }]
    expect:
      - { name: each, phase: testing, must: always, promql: 'memcache_circuit_breaker_state == bool 0' }
      - { name: worst, phase: testing, must: always, promql: 'max by (server) (memcache_circuit_breaker_state{server=~"$targets"}) == bool 0' }
      - { name: number, phase: run, must: always, promql: 'count(memcache_pool_connections{state="total"}) == bool 1' }
"#;

/// A dry run and a run: their exit codes, the output of the dry run, and the report.
#[track_caller]
fn dry_and_real(lab: &Lab, prometheus: &Prometheus, text: &str, scenario: &str) -> (i32, String, i32, Value) {
    let url = prometheus.url();
    let dry = start_file(lab, scenario, text, &["--prometheus", &url, "--dry-run"]);
    let dry_code = dry.wait_exit(secs(20));
    let run = start_file(lab, scenario, text, &["--prometheus", &url, "--json"]);
    let code = run.wait_exit(secs(120));
    assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new());
    let report: Value = serde_json::from_str(&run.stdout()).unwrap();
    (dry_code, dry.stdout() + &dry.stderr(), code, report["runs"][0].clone())
}

/// The first load generator is killed while its breaker is open, and Prometheus does not see it go.
#[test]
fn a_load_generator_that_is_gone_is_named_and_judged_by_nothing() {
    let mut lab = Lab::start(1);
    let prometheus = Prometheus::start_every(SCRAPE, [("loadgen", lab.loadgen_addr)]);
    let gone = load(&lab, &[]);
    lab.toxiproxy.enable("memcached1", false);
    prometheus.wait_for("memcache_circuit_breaker_state == 2", secs(20), |series| !series.is_empty());
    let old = lab.loadgen_addr;
    lab.loadgen_addr = free_addr();
    lab.set("loadgen.metrics_addr", lab.loadgen_addr.to_string());

    // Prometheus is started again while the old one does not answer, and knows of both.
    let new = lab.loadgen_addr;
    gone.kill();
    lab.toxiproxy.enable("memcached1", true);
    let prometheus = prometheus.restart_with(SCRAPE, [("loadgen", old), ("loadgen", new)]);
    let _loadgen = load(&lab, &[]);
    let settled = format!("memcache_hits_total{{instance=\"{new}\"}} offset 2s");
    prometheus.wait_for(&settled, secs(20), |series| !series.is_empty());
    let (dry, said, code, report) = dry_and_real(&lab, &prometheus, CALM, "calm");
    let silent = format!("load generator {old} is not judged: it does not answer prometheus");
    assert!(said.contains(&format!("warning: {silent}\n")), "{said}");
    assert_eq!((dry, code, with_result(&report, "pass").len()), (0, 0, 3), "{said}{report:#}");
    assert_eq!(report["not_judged"][0], silent, "{report:#}");
    assert_eq!(report["nodes"][0]["phases"][1]["errors"], serde_json::json!({}), "{report:#}");

    // It is no target any more.
    let prometheus = prometheus.restart_with(SCRAPE, [("loadgen", new)]);
    prometheus.wait_for(&settled, secs(20), |series| !series.is_empty());
    let (dry, said, code, report) = dry_and_real(&lab, &prometheus, CALM, "calm");
    assert_eq!((dry, code, with_result(&report, "pass").len()), (0, 0, 3), "{said}{report:#}");
    let named = format!("load generator {old} is not judged: prometheus scraped it last ");
    let note = report["not_judged"][0].as_str().unwrap_or_default();
    assert!(said.contains(&named) && note.starts_with(&named), "{said}{report:#}");
}

fn at_interval(every: u64) {
    let lab = Lab::start(1);
    let prometheus = Prometheus::start_every(Duration::from_secs(every), [("loadgen", lab.loadgen_addr)]);
    let _loadgen = load(&lab, &[]);
    let known = "count_over_time((up == 1)[5m:1s]) > 0 and count_over_time(up[5m]) > 3";
    prometheus.wait_for(known, secs(120), |series| !series.is_empty());
    let testing = if every <= 2 { 8 } else { every + 2 };
    let text = format!(
        r#"
family: mine
phases: {{ stabilization: 500ms, testing: {testing}s, recovery: 500ms }}
scenarios:
  - name: paced
    about: one node is a little slower
    faults: [{{ target: all, fault: latency, delay: 5ms }}]
    expect:
      - {{ name: rate, phase: testing, must: always, promql: 'sum by (server) (rate(memcache_operations_total[5s])) > bool 1' }}
      - {{ name: state, phase: testing, must: at_end, promql: 'memcache_circuit_breaker_state == bool 0' }}
"#
    );
    let (dry, said, code, report) = dry_and_real(&lab, &prometheus, &text, "paced");
    if every <= 2 {
        assert_eq!((dry, code, with_result(&report, "pass").len()), (0, 0, 2), "{every}: {said}{report:#}");
        return;
    }
    assert_eq!((dry, code), (3, 3), "{every}: {said}{report:#}");
    let words = format!("needs 2 samples in 5s, but Prometheus scrapes every {every}s");
    assert!(said.contains(&format!("\npaced: `rate` {words}\n")), "{said}");
    assert_eq!(report["expectations"][0]["reason"], words, "{report:#}");
    // A gauge needs no range.
    assert_eq!(with_result(&report, "pass"), ["state"], "{every}: {report:#}");
}

#[test]
fn ranges_of_five_seconds_hold_up_to_two_seconds_between_scrapes() {
    std::thread::scope(|scope| {
        let threads: Vec<_> = [1, 2, 5, 15].map(|every| scope.spawn(move || at_interval(every))).into();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// Phases of 20 s, at a hundredth of their length.
const SHORTENED: &str = r#"
family: mine
phases: { stabilization: 20s, testing: 20s, recovery: 20s }
scenarios:
  - name: shortened
    about: one node is a little slower
    faults: [{ target: all, fault: latency, delay: 5ms }]
    expect:
      - { name: rate, phase: testing, must: always, promql: 'sum by (server) (rate(memcache_operations_total[1s])) > bool 1' }
      - { name: state, phase: recovery, must: { within: 2s }, promql: 'memcache_circuit_breaker_state == bool 0' }
"#;

#[test]
fn a_phase_is_as_long_as_its_expectations_need_and_every_output_says_so() {
    let lab = Lab::start(1);
    let prometheus = Prometheus::start_every(SCRAPE, [("loadgen", lab.loadgen_addr)]);
    let _loadgen = load(&lab, &[]);
    prometheus.wait_for("memcache_hits_total offset 2s", secs(20), |series| !series.is_empty());
    let url = prometheus.url();
    let scaled = ["--prometheus", &url, "--time-scale", "0.01"];
    let longer = "testing lasts 1s 500ms instead of 200ms, recovery lasts 2s 500ms instead of 200ms, because the expectations \
                  need that long";

    let dry = start_file(&lab, "shortened", SHORTENED, &[&scaled[..], &["--dry-run"]].concat());
    assert_eq!(dry.wait_exit(secs(20)), 0, "{}{}", dry.stdout(), dry.stderr());
    assert!(dry.stdout().contains(&format!("\nshortened: {longer}\n")), "{}", dry.stdout());

    let run = start_file(&lab, "shortened", SHORTENED, &[&scaled[..], &["--json"]].concat());
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 0, "{}{}", run.stdout(), run.stderr());
    assert!(run.stderr().contains(&format!(": {longer}\n")), "{}", run.stderr());
    let report: Value = serde_json::from_str(&run.stdout()).unwrap();
    let planned = &report["runs"][0]["planned_phases"];
    assert_eq!(
        (planned["testing_seconds"].as_f64(), planned["lengthened"].as_str()),
        (Some(1.5), Some(longer))
    );
    let journals = std::fs::read_dir(lab.folder().join("state/runs")).unwrap().flatten();
    let journals: String = journals.map(|entry| std::fs::read_to_string(entry.path()).unwrap()).collect();
    assert!(
        journals.contains(r#""kind":"phases","value":{"stabilization_seconds":0.2,"testing_seconds":1.5"#),
        "{journals}"
    );

    // Without a verdict, only the factor counts.
    let walked = start_file(&lab, "shortened", SHORTENED, &["--no-verdict", "--time-scale", "0.01"]);
    assert_eq!(clean_exit(&walked, &lab.toxiproxy), 0, "{}", walked.stderr());
    assert!(walked.stderr().contains(": testing for 200ms"), "{}", walked.stderr());
}
