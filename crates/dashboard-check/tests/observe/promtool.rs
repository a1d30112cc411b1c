//! Configuration, rules and their unit tests, checked by the promtool of the lab's Prometheus.

use std::io::Write;
use std::process::{Command, Stdio};

use testkit::{program, workspace};

fn promtool(arguments: &[&str]) {
    let output = Command::new(program("promtool"))
        .args(arguments)
        .current_dir(workspace().join("prometheus"))
        .output();
    let output = output.unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool {arguments:?}:\n{text}");
}

fn folder(name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(workspace().join("prometheus").join(name)).unwrap();
    let mut files: Vec<_> =
        entries.map(|entry| format!("{name}/{}", entry.unwrap().file_name().display())).collect();
    files.sort();
    files
}

fn with(arguments: &[&str], files: &[String]) {
    let files = files.iter().map(String::as_str);
    promtool(&arguments.iter().copied().chain(files).collect::<Vec<_>>());
}

#[test]
fn the_configuration_is_accepted() {
    promtool(&["check", "config", "--lint=all", "--lint-fatal", "prometheus.yml"]);
}

#[test]
fn the_rules_are_accepted() {
    with(&["check", "rules", "--lint=all", "--lint-fatal"], &folder("rules"));
}

#[test]
fn the_rules_pass_their_tests() {
    with(&["test", "rules"], &folder("tests"));
}

/// Every rule has a test: each rule file has a test file that names each record and alert.
#[test]
fn no_rule_is_untested() {
    let read = |file: &String| std::fs::read_to_string(workspace().join("prometheus").join(file)).unwrap();
    for rules in folder("rules") {
        let tests = read(&rules.replacen("rules/", "tests/", 1));
        let text = read(&rules);
        let rules_of =
            |word: &str| text.lines().filter_map(|line| line.trim().strip_prefix(word)).collect::<Vec<_>>();
        for name in rules_of("- record: ") {
            assert!(tests.contains(&format!("expr: {name}")), "{name} has no test");
        }
        for name in rules_of("- alert: ") {
            let line = format!("alertname: {name}");
            let of_it = |test: &&str| test.lines().any(|one| one.trim() == line);
            let evaluations: Vec<_> = tests.split("\n      - ").filter(of_it).collect();
            assert!(
                evaluations.iter().any(|test| test.contains("exp_labels")),
                "{name} never fires in a test"
            );
            assert!(
                evaluations.iter().any(|test| !test.contains("exp_labels")),
                "{name} is never silent in a test"
            );
        }
    }
}

/// promtool must accept a page of metrics in the classic format.
pub(crate) fn check_metrics(page: &str) {
    let mut child = Command::new(program("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
