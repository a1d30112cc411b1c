//! What the lab file and the flags become, and what is said when they are wrong.

use std::time::Duration;

use daemon_core::lab::Lab;

use super::{ConfigError, plan};
use crate::cli::{self, Cli, Parsed};
use crate::pacer::Pacer;
use crate::plan::{Plan, Target};
use crate::workload::Workload;

const SERVERS: &str = "servers:\n  - { name: a, listen: proxy:1, upstream: node:2 }\n";
const SHIPPED: &str = include_str!("../../../../config/lab.yaml");

fn flags(args: &[&str]) -> Cli {
    let line = ["loadgen"].iter().chain(args).map(|arg| (*arg).into());
    match cli::parse(line).unwrap() {
        Parsed::Cli(cli) => *cli,
        Parsed::Text(text) => panic!("{text}"),
    }
}

fn of(text: &str, args: &[&str]) -> Result<Plan, ConfigError> {
    plan(&Lab::parse("lab.yaml", text, 0).unwrap(), &flags(args))
}

fn error(text: &str, args: &[&str]) -> String {
    of(text, args).unwrap_err().to_string()
}

/// The load dials what stands in `dial`, never the node behind the proxy.
#[test]
fn dials_the_proxy_and_never_the_node() {
    let plain = of(SERVERS, &[]).unwrap();
    assert_eq!(plain.nodes, [Target { name: "a".into(), dial: "proxy:1".into() }]);
    let dialled = "servers:\n  - { name: a, listen: l:1, dial: d:3, upstream: u:2 }\n";
    assert_eq!(of(dialled, &[]).unwrap().nodes[0].dial, "d:3");
    for node in of(SHIPPED, &[]).unwrap().nodes {
        assert!(node.dial.contains(":2121"), "{node:?}");
    }
}

#[test]
fn flags_win_over_the_file_and_the_file_over_the_defaults() {
    let file =
        format!("{SERVERS}loadgen: {{ concurrency: 7, think_time: 3ms }}\nclient: {{ pool_size: 5 }}\n");
    let plan = of(&file, &["--concurrency", "9", "--workload", "get", "--servers", "x=h:1,y=h:2"]).unwrap();
    assert_eq!((plan.load.workers, plan.client.pool_size), (9, 5));
    assert_eq!(plan.load.weights, Workload::Get.weights());
    assert!(
        matches!(plan.load.pacer, Pacer::Closed { think_time } if think_time == Duration::from_millis(3))
    );
    assert_eq!(plan.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(plan.client.timeouts.operation, Duration::from_millis(500));
}

#[test]
fn the_offset_moves_what_the_file_says_and_not_what_a_flag_says() {
    let lab = Lab::parse("lab.yaml", SHIPPED, 1000).unwrap();
    assert_eq!(plan(&lab, &flags(&[])).unwrap().metrics_addr.port(), 10090);
    assert_eq!(plan(&lab, &flags(&["--metrics-addr", "h:1"])).unwrap().metrics_addr.port(), 1);
}

#[test]
fn every_problem_of_both_sections_is_told_with_its_line() {
    let file = format!(
        "{SERVERS}loadgen:\n  workload: mixd\n  concurency: 5\nclient:\n  op_timeout: 0s\n  breaker:\n    failure_ratio: 1.5\n"
    );
    let text = error(&file, &[]);
    let lines: Vec<&str> = text.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["lab.yaml:4", "lab.yaml:5", "lab.yaml:7", "lab.yaml:9"], "{text}");
    assert!(text.contains("mixed") && text.contains("`concurrency`"), "{text}");
}

#[test]
fn numbers_that_bound_each_other_are_checked_wherever_they_come_from() {
    let hot = format!("{SERVERS}loadgen:\n  keys: 5\n  hot_keys: 6\n");
    assert_eq!(error(&hot, &[]), "lab.yaml:5: `hot_keys` is 6, but there are only 5 keys");
    assert_eq!(
        error(SERVERS, &["--hot-keys", "10001"]),
        "--hot-keys is 10001, but there are only 10000 keys"
    );
    assert_eq!(
        error(SERVERS, &["--threads", "3", "--pool-size", "2"]),
        "--threads is 3, but there are only 2 connections per node"
    );
    let long = format!("{SERVERS}client:\n  breaker: {{ interval: 5s, bucket_period: 6s }}\n");
    assert_eq!(error(&long, &[]), "lab.yaml:4: `bucket_period` must not be longer than `interval`");
}
