//! The shipped catalogue, folders of users, and the messages about wrong files.

use std::path::Path;

use metrics_core::labels::FaultType;

use super::*;
use crate::catalogue::library::Library;
use crate::catalogue::source_files::read_folder;

mod expectations;
mod guide;

fn problems(text: &str) -> String {
    let source = Source { name: "mine.yaml".into(), text: text.into() };
    scenarios(&[source]).map(|found| format!("{found:#?}")).unwrap_or_else(|problems| problems.to_string())
}

const HEAD: &str = "family: mine\nphases: { stabilization: 1s, testing: 1s, recovery: 1s }\nscenarios:\n";

#[test]
fn every_shipped_file_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/scenarios");
    let mut shipped: Vec<(String, String)> = read_folder(&folder)
        .unwrap()
        .into_iter()
        .map(|source| (source.name.rsplit('/').next().unwrap().to_owned(), source.text))
        .collect();
    let mut built_in: Vec<(String, String)> = BUILT_IN
        .iter()
        .map(|(name, text)| (name.rsplit('/').next().unwrap().to_owned(), (*text).to_owned()))
        .collect();
    shipped.sort();
    built_in.sort();
    assert_eq!(shipped, built_in);
}

#[test]
fn the_promised_scenarios_are_there() {
    let catalogue = Library::load(None).unwrap().catalogue;
    let mut names: Vec<&str> = catalogue.scenarios().iter().map(|scenario| scenario.name.as_str()).collect();
    let delays = ["100ms", "1s", "5s", "10s", "40s", "2m"];
    let series =
        [("packet-loss", ["2", "5", "10", "20", "50", "100"]), ("latency", delays), ("blip", delays)];
    let series = series.iter().flat_map(|(family, steps)| steps.map(|step| format!("{family}-{step}")));
    let others = "bandwidth-1000kb bandwidth-100kb bandwidth-10kb connection-limit connection-reset-storm slow-close \
                  byte-slicer flaky-fast flaky-slow latency-ramp partition-one partition-two partition-all \
                  partition-requests partition-replies stall-and-release node-down two-nodes-loss two-nodes-slow \
                  rolling-failure";
    for promised in series.chain(others.split_whitespace().map(str::to_owned)) {
        let at = names.iter().position(|name| *name == promised);
        assert!(at.is_some(), "{promised}");
        at.map(|at| names.remove(at));
    }
    let more = ["connection-timeout", "connection-cut", "any-two-nodes-lossy", "mixed-faults"];
    names.sort_unstable();
    let mut beyond = more.to_vec();
    beyond.sort_unstable();
    assert_eq!(names, beyond, "beyond what is promised");
    assert_eq!(
        catalogue.families(),
        ["packet-loss", "latency", "blip", "bandwidth", "connections", "flaky", "partition", "multi"]
    );
}

#[test]
fn a_wrong_shape_is_reported() {
    let with = |fault: &str, shape: &str| {
        let fault = format!("{{ target: m, fault: {fault}, shape: {shape} }}");
        problems(&format!("{HEAD}  - name: a\n    about: b\n    faults: [{fault}]\n"))
    };
    let says = |fault: &str, shape: &str, message: &str| {
        assert_eq!(with(fault, shape), format!("mine.yaml:6: {message}"), "{shape}");
    };
    says("down", "{}", "`shape` needs one of `ramp`, `flap`, `steps`");
    says(
        "down",
        "{ flap: { on: 1s, off: 1s }, steps: [] }",
        "`shape` must have one of `ramp`, `flap` and `steps`",
    );
    says("down", "{ steps: [] }", "`steps` is an empty list");
    says("down", "{ steps: [{ for: 1s, level: 2 }] }", "`level` must be from 0 to 1");
    says(
        "down",
        "{ steps: [{ for: 1s, level: 0.5 }] }",
        "down is either on or off: use `flap`, or `steps` of 0 and 1",
    );
    says("stall", "{ ramp: { from: 0.1, to: 1, steps: 1 } }", "a ramp has 2 to 1000 steps");
    let fault = "latency, delay: 1s";
    assert!(with(fault, "{ ramp: { from: 0.1, to: 1, steps: 9 } }").contains("Ramp"));
    assert!(with("down", "{ steps: [{ for: 1s, level: 0 }, { for: 1s, level: 1 }] }").contains("Steps"));
    assert!(with(fault, "{ flap: { on: 1s } }").contains("missing key `off`"));
}

#[test]
fn a_parameter_out_of_its_bounds_is_reported() {
    let says = |fault: &str, message: &str| {
        let text =
            format!("{HEAD}  - name: a\n    about: b\n    faults: [{{ target: m, fault: {fault} }}]\n");
        assert_eq!(problems(&text), format!("mine.yaml:6: {message}"), "{fault}");
    };
    says("latency, delay: 2h", "`delay` must be between 1ms and 1h");
    says("latency, delay: 10us", "`delay` must be between 1ms and 1h");
    says("slicer, size: 4, variation: 4", "`variation` must be below `size`");
    says("bandwidth, rate: 0", "`rate` is 0, must be at least 1");
    says(
        "down, share: 0.5",
        "`share` cannot be combined with `down`, which closes all connections of a proxy",
    );
    says(
        "packet_loss, rate: 0.1, model: simpel",
        "unknown model `simpel`, did you mean `simple`? (one of auto, simple)",
    );
}

#[test]
fn one_check_reports_every_problem_with_its_line() {
    let text = format!(
        "{HEAD}  - name: first
    about: one
    faults: [{{ target: memcached1, fault: latency, delay: 1s }}]
  - name: second
    about: two
    faults: [{{ target: memcached1, fault: latency, delay: 1s }}]
  - name: third
    about: three
    faults:
      - {{ target: memcached1, fault: packet_loss, rate: 0.1 }}
      - target: memcached2
        fault: latency
        dealy: 1s
        delay: [1s]
"
    );
    assert_eq!(
        problems(&text),
        "mine.yaml:16: unknown key `dealy` in `faults`, did you mean `delay`?\n\
         mine.yaml:17: `delay` must be a duration like `30s`, found a list"
    );
}

#[test]
fn a_wrong_target_is_reported() {
    let with = |target: &str| {
        let fault = format!("{{ target: {target}, fault: down }}");
        problems(&format!("{HEAD}  - name: a\n    about: b\n    faults: [{fault}]\n"))
    };
    let one = "mine.yaml:6: `target` must have one of `first`, `nth` and `count`";
    assert_eq!(with("{ first: 1, nth: 2 }"), one);
    assert_eq!(with("{ nth: ~ }"), one);
    assert_eq!(with("{ nth: 0 }"), "mine.yaml:6: `nth` is 0, must be at least 1");
    assert_eq!(with("{ frist: 1 }"), "mine.yaml:6: unknown key `frist` in `target`, did you mean `first`?");
}

#[test]
fn a_wrong_value_is_reported() {
    let with = |fault: &str| {
        problems(&format!("{HEAD}  - name: a\n    about: b\n    faults: [{{ target: m, {fault} }}]\n"))
    };
    assert_eq!(with("fault: packet_loss, rate: 0"), "mine.yaml:6: `rate` is 0, must be at least 0.000001");
    assert_eq!(with("fault: packet_loss, rate: 1.5"), "mine.yaml:6: `rate` is 1.5, must be at most 1");
    assert_eq!(
        with("fault: latency, delay: 1s, share: 0.0"),
        "mine.yaml:6: `share` is 0, must be at least 0.000001"
    );
    assert_eq!(with("fault: latency, delay: 0s"), "mine.yaml:6: `delay` is `0s`: must be longer than zero");
    assert_eq!(
        with("fault: latency, delay: -1s"),
        "mine.yaml:6: `delay` is `-1s`: not a duration, write it like `500ms`, `30s` or `2m`"
    );
    let words = FaultType::ALL.map(FaultType::as_str).join(", ");
    assert_eq!(
        with("fault: latencey, delay: 1s"),
        format!("mine.yaml:6: unknown fault `latencey`, did you mean `latency`? (one of {words})")
    );
    assert_eq!(with("fault: latency"), "mine.yaml:6: missing key `delay` in `faults`");
}

#[test]
fn names_are_plain_and_unique() {
    let entry = |name: &str| {
        format!("  - {{ name: {name}, about: x, faults: [{{ target: m, fault: latency, delay: 1s }}] }}\n")
    };
    let file = |names: &[&str]| format!("{HEAD}{}", names.iter().map(|name| entry(name)).collect::<String>());
    assert_eq!(problems(&file(&["a", "b", "a"])), "mine.yaml:6: scenario `a` is also in family mine");
    assert_eq!(problems(&file(&["all"])), "mine.yaml:4: `all` selects every scenario and cannot be a name");
    assert_eq!(problems(&file(&["mine"])), "mine.yaml:4: scenario `mine` has the same name as its family");
    assert_eq!(
        problems(&file(&["A_b"])),
        "mine.yaml:4: invalid scenario name `A_b`: use lowercase letters, digits and dashes, and no dash at the start"
    );
}

#[test]
fn a_folder_adds_and_replaces_scenarios() {
    let folder = tempfile::tempdir().unwrap();
    let text = "family: latency\nphases: { stabilization: 1s, testing: 2s, recovery: 3s }\nscenarios:\n  \
        - { name: latency-1s, about: mine, faults: [{ target: all, fault: latency, delay: 1s, jitter: 5ms }] }\n  \
        - { name: latency-3s, about: new, phases: { testing: 9s }, faults: [{ target: { count: 2 }, fault: latency, delay: 3s }] }\n";
    std::fs::write(folder.path().join("mine.yaml"), text).unwrap();
    let (built_in, catalogue) =
        (Library::load(None).unwrap().catalogue, Library::load(Some(folder.path())).unwrap().catalogue);
    assert_eq!(catalogue.scenarios().len(), built_in.scenarios().len() + 1);
    let find = |name: &str| catalogue.scenarios().iter().find(|scenario| scenario.name == name).unwrap();
    assert_eq!(find("latency-1s").about, "mine");
    assert_eq!(find("latency-3s").phases.testing, std::time::Duration::from_secs(9));
    assert_eq!(find("latency-3s").phases.recovery, std::time::Duration::from_secs(3));
}

#[test]
fn an_empty_or_missing_folder_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    assert_eq!(
        Library::load(Some(folder.path())).unwrap_err().to_string(),
        format!("no scenario or playlist file (*.yaml) in {path}")
    );
    let missing = folder.path().join("nowhere");
    assert_eq!(
        Library::load(Some(&missing)).unwrap_err().to_string(),
        format!("cannot read {}", missing.display())
    );
}
