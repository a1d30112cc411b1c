//! Labs with other nodes than the shipped one: other names, and fewer of them.

use crate::harness::{SCENARIOS, command, command_line};

const LAB: &str = "servers:\n  - { name: cache-a, listen: 127.0.0.1:1, upstream: 127.0.0.1:2 }\n";

#[test]
fn a_scenario_with_nodes_that_the_lab_lacks_is_refused_with_its_line() {
    let shipped = include_str!("../../../../config/scenarios/multi.yaml");
    let line = 1 + shipped.lines().position(|line| line.contains("target: { nth: 3 }")).unwrap();
    let names = "packet-loss-2,rolling-failure,mine";
    command_line(&["--scenario", names, "--config", "lab.yaml", "--catalogue", "mine"])
        .file("lab.yaml", LAB)
        .file(
            "mine/mine.yaml",
            "family: own\nphases: { stabilization: 1s, testing: 1s, recovery: 1s }\nscenarios:\n  \
             - name: mine\n    about: x\n    faults:\n      \
             - { target: cache-b, fault: latency, delay: 1s }\n      \
             - { target: { count: 2 }, fault: packet_loss, rate: 1 }\n",
        )
        .code(2)
        .stderr(format!(
            "error: config/scenarios/multi.yaml (built in):{line}: scenario `rolling-failure` needs 3 nodes, the lab has 1\n\
             error: mine/mine.yaml:7: scenario `mine`: unknown node `cache-b`, did you mean `cache-a`? (the lab has cache-a; `{{ first: 1 }}` is its first node)\n\
             error: mine/mine.yaml:8: scenario `mine` needs 2 nodes, the lab has 1\n\
             hint: add nodes to the lab file; `scenariod list --runnable` lists what this lab can run"
        ))
        .run();
}

/// The lab has other names than the shipped one, and fewer nodes than some shipped scenarios need.
#[test]
fn a_lab_with_other_nodes_has_a_catalogue_of_its_own() {
    let in_lab =
        |args: &[&str]| command_line(&[args, &["--config", "lab.yaml"]].concat()).file("lab.yaml", LAB);
    let needs = "any-two-nodes-lossy (2 nodes), mixed-faults (3 nodes), partition-two (2 nodes), rolling-failure (3 nodes), \
                 two-nodes-loss (2 nodes), two-nodes-slow (2 nodes)";
    in_lab(&["check"])
        .stdout(format!(
            "ok: 42 scenarios in 8 files, 3 playlists, 1 node in 1 lab file\nnot for labs with fewer nodes: {needs}"
        ))
        .run();
    in_lab(&["list", "--propose"]).stdout("packet-loss-10").run();
    in_lab(&["list", "multi,partition", "--runnable", "--propose"]).stdout("partition-one").run();
    let page = command().args(["list", "monday", "multi", "--runnable"]).output().unwrap();
    assert!(
        String::from_utf8(page.stdout).unwrap().contains("rolling-failure"),
        "the shipped lab has three nodes"
    );
    in_lab(&["list", "monday", "multi", "--runnable"]).stdout("").run();
    // A file of the user is for the lab of the user.
    let mine =
        SCENARIOS.replace("[memcached1, memcached2]", "{ nth: 2 }").replace("memcached1", "{ first: 1 }");
    in_lab(&["check", "lab.yaml", "mine.yaml"])
        .file("mine.yaml", &mine)
        .code(2)
        .stderr("error: mine.yaml:5: scenario `both` needs 2 nodes, the lab has 1")
        .run();
}

#[test]
fn every_shipped_scenario_is_planned_on_nodes_of_any_name() {
    let lab = "servers:\n  - { name: left.1, listen: 127.0.0.1:1, upstream: 127.0.0.1:2 }\n  \
               - { name: right-2, listen: 127.0.0.1:3, upstream: 127.0.0.1:4 }\n  \
               - { name: z, listen: 127.0.0.1:5, upstream: 127.0.0.1:6 }\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    std::fs::write(&path, lab).unwrap();
    let shown = command().args(["show", "all", "--config"]).arg(path).output().unwrap();
    let (text, code) = (String::from_utf8(shown.stdout).unwrap(), shown.status.code());
    assert_eq!((code, text.matches("\nexpectations\n").count()), (Some(0), 42), "{text}");
    assert!(text.contains(" on left.1") && !text.contains("memcached1"), "{text}");
}
