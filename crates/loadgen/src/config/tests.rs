//! The plan that a lab file and flags give, and the messages when they are invalid.

use std::time::Duration;

use daemon_core::lab::Lab;

use super::presets::CLIENTS;
use super::{ConfigError, plan};
use crate::cli::{self, Cli, CommandLine};
use crate::keys::KeySpace;
use crate::pacer::Pacer;
use crate::payload::Sizes;
use crate::plan::{ClientPlan, Pace, Plan, Target};
use crate::popularity::Popularity;
use crate::profile::{LoadProfile, Rate};
use crate::stack::context::Failover;
use crate::stack::pool::PoolTimes;
use crate::stack::retry::RetryRules;
use crate::workload::{OpMix, Weights};

const SERVERS: &str = "servers:\n  - { name: a, listen: proxy:1, upstream: node:2 }\n";
const SHIPPED: &str = include_str!("../../../../config/lab.yaml");

fn flags(args: &[&str]) -> Cli {
    let line = ["loadgen"].iter().chain(args).map(|arg| (*arg).into());
    match cli::parse(line).unwrap() {
        CommandLine::Cli(cli) => *cli,
        CommandLine::Text(text) => panic!("{text}"),
    }
}

fn of(text: &str, args: &[&str]) -> Result<Plan, ConfigError> {
    plan(&Lab::parse("lab.yaml", text, 0).unwrap(), &flags(args))
}

fn error(text: &str, args: &[&str]) -> String {
    of(text, args).unwrap_err().to_string()
}

/// The load connects to `dial`, never to the node behind the proxy.
#[test]
fn connects_to_the_proxy_and_never_to_the_node() {
    let plain = of(SERVERS, &[]).unwrap();
    assert_eq!(
        plain.nodes,
        [Target { name: "a".into(), dial: "proxy:1".into(), upstream: Some("node:2".into()) }]
    );
    let dialled = "servers:\n  - { name: a, listen: l:1, dial: d:3, upstream: u:2 }\n";
    assert_eq!(of(dialled, &[]).unwrap().nodes[0].dial, "d:3");
    for node in of(SHIPPED, &[]).unwrap().nodes {
        assert!(node.dial.contains(":2121"), "{node:?}");
    }
}

#[test]
fn flags_override_the_file_and_the_file_overrides_the_defaults() {
    let file =
        format!("{SERVERS}loadgen: {{ concurrency: 7, think_time: 3ms }}\nclient: {{ pool_size: 5 }}\n");
    let plan = of(&file, &["--concurrency", "9", "--workload", "get", "--servers", "x=h:1,y=h:2"]).unwrap();
    assert_eq!((plan.load.workers, plan.client.pool_size), (9, 5));
    let keys = Popularity::Hot(KeySpace { keys: 10_000, hot_keys: 10 });
    assert_eq!(plan.load.mix, OpMix::new(Weights { get: 100, ..Weights::default() }, keys));
    assert_eq!(plan.load.pace, Pace::Closed(Pacer { think_time: Duration::from_millis(3) }));
    assert_eq!(plan.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(plan.client.timeouts.operation, Duration::from_millis(500));
}

#[test]
fn the_port_offset_applies_to_the_file_and_not_to_a_flag() {
    let lab = Lab::parse("lab.yaml", SHIPPED, 1000).unwrap();
    assert_eq!(plan(&lab, &flags(&[])).unwrap().metrics_addr.port(), 10090);
    assert_eq!(plan(&lab, &flags(&["--metrics-addr", "h:1"])).unwrap().metrics_addr.port(), 1);
}

#[test]
fn all_problems_of_both_sections_are_reported_with_their_lines() {
    let file = format!(
        "{SERVERS}loadgen:\n  workload: mixd\n  concurency: 5\nclient:\n  op_timeout: 0s\n  breaker:\n    failure_ratio: 1.5\n"
    );
    let text = error(&file, &[]);
    let lines: Vec<&str> = text.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(lines, ["lab.yaml:4", "lab.yaml:5", "lab.yaml:7", "lab.yaml:9"], "{text}");
    assert!(text.contains("mixed") && text.contains("`concurrency`"), "{text}");
}

#[test]
fn a_number_above_its_limit_is_an_error_in_file_and_flag() {
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

fn open(rate: u32, millis: u64) -> Pace {
    let profile = LoadProfile::Constant(Rate::new(rate).unwrap());
    Pace::Open { profile, max_start_delay: Duration::from_millis(millis) }
}

#[test]
fn a_rate_makes_an_open_loop_and_a_think_time_a_closed_one() {
    assert_eq!(of(SERVERS, &[]).unwrap().load.pace, Pace::Closed(Pacer::default()));
    let shipped = of(SHIPPED, &[]).unwrap();
    assert_eq!((shipped.load.pace, shipped.load.workers), (open(3_000, 100), 1_500));
    assert_eq!(of(SHIPPED, &["--rate", "7"]).unwrap().load.pace, open(7, 100));
    let closed = of(SHIPPED, &["--think-time", "1ms"]).unwrap();
    assert_eq!(closed.load.pace, Pace::Closed(Pacer { think_time: Duration::from_millis(1) }));
    assert_eq!(closed.load.workers, 100);
    let bound = of(SERVERS, &["--rate", "7", "--max-start-delay", "2s", "--op-timeout", "100ms"]).unwrap();
    assert_eq!((bound.load.pace, bound.load.workers), (open(7, 2_000), 100));
    let ramp = of(SHIPPED, &["--workload", "zipf"]).unwrap();
    assert_eq!(ramp.load.pace.to_string(), "open loop, 500/s to 3000/s over 1m");
    assert_eq!(of(SHIPPED, &["--workload", "zipf", "--rate", "9"]).unwrap().load.pace, open(9, 100));
    let both = format!("{SERVERS}loadgen:\n  rate: 5\n  think_time: 1ms\n");
    assert_eq!(
        error(&both, &[]),
        "lab.yaml:5: `think_time` and `rate` cannot both be set: `think_time` is for a closed loop, `rate` for an open loop"
    );
}

#[test]
fn the_lab_file_overrides_the_workload() {
    let text = format!("{SERVERS}loadgen: {{ keys: 5, value_size: 64 }}\n");
    let load = of(&text, &[]).unwrap().load;
    assert_eq!(load.mix.keys, Popularity::Hot(KeySpace { keys: 5, hot_keys: 5 }));
    assert_eq!((load.sizes, load.warm_up), (Sizes::Fixed(64), 5));
    assert_eq!(
        error(&text, &["--workload", "zipf"]),
        "lab.yaml:3: `keys` cannot be used with a workload that sets `zipf`"
    );
    assert_eq!(
        error(SERVERS, &["--workload", "zipf", "--hot-keys", "3"]),
        "--hot-keys cannot be used with a workload that sets `zipf`"
    );
}

#[test]
fn the_path_of_a_workload_is_relative_to_the_lab_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.yaml");
    std::fs::write(&file, "name: mine\nweights: { get: 100 }\nload: { rate: 5 }\n").unwrap();
    let lab = |text: &str| {
        let name = folder.path().join("lab.yaml").display().to_string();
        plan(&Lab::parse(name, text, 0).unwrap(), &flags(&[]))
    };
    let named = lab(&format!("{SERVERS}loadgen: {{ workload: mine.yaml }}\n")).unwrap();
    assert_eq!((named.load.workload.as_str(), named.load.pace), ("mine", open(5, 500)));
    std::fs::write(&file, "name: mine\nweights: { get: 99 }\n").unwrap();
    let text = format!("{SERVERS}loadgen: {{ workload: mine.yaml, threads: 0 }}\n");
    let both = lab(&text).unwrap_err().to_string();
    assert!(both.contains("mine.yaml:2: the sum of `weights` is 99, must be 100"), "{both}");
    assert!(both.contains("lab.yaml:3: `threads` is 0, must be at least 1"), "{both}");
}

#[test]
fn a_client_flag_replaces_the_section_and_a_preset_completes_it() {
    let client = |text: &str, args: &[&str]| of(text, args).unwrap().client;
    let millis = |plan: &ClientPlan| plan.timeouts.operation.as_millis();
    let fast = client(SHIPPED, &["--client", "fail-fast"]);
    assert_eq!((millis(&fast), fast.breaker.open_timeout), (100, Duration::from_secs(1)));
    let flagged =
        client(SHIPPED, &["--client", "fail-fast", "--op-timeout", "7ms", "--breaker-failure-ratio", "0.9"]);
    assert_eq!((millis(&flagged), flagged.breaker.failure_ratio), (7, 0.9));
    let below = format!("{SERVERS}client: {{ preset: patient, pool_size: 7 }}\n");
    let below = client(&below, &[]);
    assert_eq!((millis(&below), below.pool_size, below.breaker.min_requests), (2_000, 7, 100));
}

/// Each shipped client sets every value. The preset `default` and the lab file set the values that are the default anyway.
#[test]
fn the_default_client_has_the_default_values() {
    let silent = of(SERVERS, &[]).unwrap().client;
    assert_eq!(of(SERVERS, &["--client", "default"]).unwrap().client, silent);
    assert_eq!(of(SHIPPED, &[]).unwrap().client, silent);
    for shipped in CLIENTS {
        let keys = |text: &str| -> Vec<String> {
            let key =
                |line: &str| line.split('#').next().unwrap_or_default().split(':').next().map(str::to_owned);
            text.lines().filter(|line| !line.starts_with('#')).filter_map(key).collect()
        };
        let said = keys(shipped.text);
        assert!(keys(CLIENTS[0].text).iter().all(|key| said.contains(key)), "{}: {said:?}", shipped.name);
        of(SERVERS, &["--client", shipped.name]).unwrap();
    }
}

#[test]
fn settings_come_from_all_layers() {
    let text = format!("{SERVERS}client: {{ preset: go-original, retries: 3, idle_timeout: 5s }}\n");
    let args = ["--failover", "next", "--acquire-timeout", "20ms", "--retry-budget", "0.5"];
    let client = of(&text, &args).unwrap().client;
    let times = PoolTimes {
        acquire: Some(Duration::from_millis(20)),
        idle: Some(Duration::from_secs(5)),
        lifetime: Some(Duration::from_secs(60)),
    };
    assert_eq!((client.pool_times, client.failover), (times, Failover::Next));
    assert_eq!(client.retry, RetryRules { retries: 3, budget: 0.5 });
    assert_eq!(
        error(&format!("{SERVERS}client: {{ failover: nxt }}\n"), &[]),
        "lab.yaml:3: unknown failover `nxt`, did you mean `next`? (one of none, next)"
    );
}

#[test]
fn an_invalid_client_setting_is_reported_with_its_place() {
    assert_eq!(
        error(SERVERS, &["--breaker-interval", "5s"]),
        "--breaker-bucket-period is 10s, must not be longer than --breaker-interval, which is 5s"
    );
    let preset = format!("{SERVERS}client:\n  preset: failfast\n");
    assert_eq!(
        error(&preset, &[]),
        "lab.yaml:4: `preset` is `failfast`, must be one of default, fail-fast, patient, go-original or a .yaml file, \
         did you mean `fail-fast`?"
    );
}
