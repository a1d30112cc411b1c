//! Invalid input gives one clear message that names its subject, and the documented exit code.

use std::net::TcpListener;

use testkit::{Lab, free_addr, secs};

use crate::LOADGEN;
use crate::command::command_line;

const SERVERS: &str = "servers:\n  - { name: a, listen: 127.0.0.1:1, upstream: 127.0.0.1:2 }\n";

#[test]
fn an_unknown_workload_gets_a_suggestion() {
    command_line(&["--workload", "mixd"])
        .stderr(
            "error: --workload is `mixd`: must be one of mixed, get, get-heavy, \
             set-heavy, zipf or a .yaml file, did you mean `mixed`?\nhint: `loadgen --help` shows the usage\n",
        )
        .code(2).run();
}

#[test]
fn an_unknown_flag_gets_a_suggestion() {
    command_line(&["--concurency", "5"])
        .stderr("error: unknown flag: --concurency\nhint: did you mean --concurrency?\n")
        .code(2)
        .run();
}

#[test]
fn durations_and_counts_below_their_minimum_are_refused() {
    command_line(&["--op-timeout", "0s"])
        .stderr(
            "error: --op-timeout is `0s`: must be longer than zero\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
    command_line(&["--concurrency", "0"])
        .stderr(
            "error: --concurrency is `0`: must be from 1 to 100000\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
}

#[test]
fn two_nodes_of_one_name_are_refused_in_the_flag_and_in_the_file() {
    command_line(&["--servers", "a=127.0.0.1:1,a=127.0.0.1:2"])
        .stderr(
            "error: --servers is `a=127.0.0.1:1,a=127.0.0.1:2`: \
             duplicate node name `a`\nhint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
    let twice = format!("{SERVERS}  - {{ name: a, listen: 127.0.0.1:3, upstream: 127.0.0.1:4 }}\n");
    command_line(&[])
        .file("config/lab.yaml", &twice)
        .stderr("error: config/lab.yaml:3: duplicate node name `a`\n")
        .code(2)
        .run();
}

#[test]
fn all_problems_of_a_file_are_reported_with_their_lines() {
    let file = format!(
        "{SERVERS}loadgen:\n  workload: mixd\n  hot_key: 5\nclient:\n  op_timeout: -5ms\n  pool_size: 0\n"
    );
    let message = "error: config/lab.yaml:4: `workload` is `mixd`, must be one of mixed, get, get-heavy, set-heavy, zipf \
                or a .yaml file, did you mean `mixed`?\n\
                error: config/lab.yaml:5: unknown key `hot_key` in `loadgen`, did you mean `hot_keys`?\n\
                error: config/lab.yaml:7: `op_timeout` is `-5ms`: not a duration, write it like `500ms`, `30s` or `2m`\n\
                error: config/lab.yaml:8: `pool_size` is 0, must be at least 1\n";
    command_line(&[]).file("config/lab.yaml", &file).stderr(message).code(2).run();
    command_line(&["check"]).file("config/lab.yaml", &file).stderr(message).code(2).run();
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    command_line(&["--config", "nowhere.yaml"])
        .stderr("error: cannot read nowhere.yaml\n  caused by: No such file or directory (os error 2)\n")
        .code(2)
        .run();
}

#[test]
fn check_reads_files_and_folders_and_prints_what_it_read() {
    command_line(&["check"]).file("config/lab.yaml", SERVERS).stdout("config/lab.yaml: ok, 1 node\n").run();
    command_line(&["check", "labs"])
        .file("labs/one.yaml", SERVERS)
        .file("labs/two.yaml", &format!("{SERVERS}client: {{ pool: 5 }}\n"))
        .stderr("error: labs/two.yaml:3: unknown key `pool` in `client`, did you mean `pool_size`?\n")
        .code(2)
        .run();
    command_line(&["check", "config"])
        .file("config/lab.yaml", SERVERS)
        .file("config/mine.yaml", "name: mine\nweights: { get: 100 }\n")
        .file("config/slow.yaml", "op_timeout: 5s\n")
        .stdout(
            "config/lab.yaml: ok, 1 node\nconfig/mine.yaml: ok, workload `mine`\nconfig/slow.yaml: ok, a client\n",
        )
        .run();
    command_line(&["check", "config"])
        .file("config/mine.yaml", "name: mine\nweights: { get: 99 }\n")
        .file("config/slow.yaml", "op_timeout: 0s\nbreaker: { interval: 1s }\n")
        .stderr(
            "error: config/mine.yaml:2: the sum of `weights` is 99, must be 100\n\
             error: config/slow.yaml:1: `op_timeout` is `0s`: must be longer than zero\n",
        )
        .code(2)
        .run();
    command_line(&["check", "."]).stderr("error: no YAML file in .\n").code(2).run();
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    command_line(&["--metrics-addr", &addr])
        .stderr(format!(
            "error: cannot serve metrics on {addr}\n  caused by: Address already in use (os error 98)\n\
             hint: choose another address with --metrics-addr, or move the whole lab with LAB_PORT_OFFSET\n"
        ))
        .code(4)
        .run();
}

#[test]
fn an_invalid_port_offset_is_an_error() {
    command_line(&[])
        .variable("LAB_PORT_OFFSET", "many")
        .stderr("error: LAB_PORT_OFFSET is `many`, must be a whole number from 0 to 50000\n")
        .code(2)
        .run();
}

#[test]
fn an_invalid_variable_is_an_error_and_a_flag_overrides_it() {
    command_line(&["check"])
        .file("config/lab.yaml", SERVERS)
        .variable("LAB_BREAKER_FAILURE_RATIO", "2")
        .stderr(
            "error: LAB_BREAKER_FAILURE_RATIO is `2`: must be a number above 0 and at most 1\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
    command_line(&["--client", "patent"])
        .variable("LAB_CLIENT", "patient")
        .stderr(
            "error: --client is `patent`: must be one of default, fail-fast, patient, \
             go-original or a .yaml file, did you mean `patient`?\nhint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
    // The pool of the variable would be too small for nine threads, but the flag overrides it.
    let threads =
        command_line(&["--threads", "9", "--pool-size", "9", "check"]).file("config/lab.yaml", SERVERS);
    threads.variable("LAB_POOL_SIZE", "8").run();
}

#[test]
fn a_rate_of_zero_and_two_kinds_of_loop_are_refused() {
    command_line(&["--rate", "0"])
        .stderr(
            "error: --rate is `0`: must be from 1 to 200000\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
    command_line(&["--rate", "5", "--think-time", "1ms"])
        .stderr(
            "error: --rate cannot be used with --think-time\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
}

#[test]
fn problems_of_a_workload_are_reported_with_their_lines() {
    command_line(&["--workload", "mine.yaml"])
        .file("config/lab.yaml", SERVERS)
        .file("mine.yaml", "name: mine\nweights: { get: 60, set: 30 }\nvalue_sise: 5\nload: { rate: 0 }\n")
        .stderr(
            "error: mine.yaml:3: unknown key `value_sise` in the file, did you mean `value_size`?\n\
             error: mine.yaml:4: `rate` is 0, must be at least 1\n",
        )
        .code(2)
        .run();
    command_line(&["--workload", "mine.yaml"])
        .file("config/lab.yaml", SERVERS)
        .file("mine.yaml", "name: mine\nweights: { get: 60, set: 30 }\nvalue_size: 2000000\n")
        .stderr("error: mine.yaml:3: `value_size` is 2000000, must be at most 1000000\n")
        .code(2)
        .run();
    command_line(&["--workload", "mine.yaml"])
        .file("config/lab.yaml", SERVERS)
        .file("mine.yaml", "name: mine\nweights: { get: 60, set: 30 }\n")
        .stderr("error: mine.yaml:2: the sum of `weights` is 90, must be 100\n")
        .code(2)
        .run();
    command_line(&["--workload", "nowhere.yaml"])
        .file("config/lab.yaml", SERVERS)
        .stderr("error: cannot read nowhere.yaml\n  caused by: No such file or directory (os error 2)\n")
        .code(2)
        .run();
}

/// It also proves that loadgen connects to `dial` and not to `upstream`: the node itself is up all the time.
#[test]
fn a_node_that_cannot_be_reached_is_named() {
    let lab = Lab::start(2);
    lab.set("loadgen.ready_timeout", "400ms");
    lab.toxiproxy.enable("memcached2", false);
    let loadgen = lab.loadgen(LOADGEN, [""; 0]);
    assert_eq!(loadgen.wait_exit(secs(10)), 4);
    let dialled = lab.toxiproxy.listen("memcached2");
    let stderr = loadgen.stderr();
    let message: Vec<&str> =
        stderr.lines().filter(|line| line.starts_with("error") || line.starts_with("hint")).collect();
    assert_eq!(
        message,
        [
            &format!(
                "error: node memcached2 at {dialled} did not answer within 400ms: connection broke: \
                 Connection refused (os error 111)"
            ),
            "hint: start the proxies and the nodes behind them first; `just up` starts the whole lab",
        ]
    );
}

/// The log says which node is missing while loadgen waits. With --json the error is an object.
#[test]
fn a_missing_node_is_in_the_log_and_in_the_json_error() {
    let lab = Lab::start(1);
    lab.set("loadgen.ready_timeout", "6s");
    lab.nodes[0].kill();
    let loadgen = lab.loadgen(LOADGEN, ["--json"]);
    assert_eq!(loadgen.wait_exit(secs(20)), 4);
    let stderr = loadgen.stderr();
    let waits = stderr.lines().filter(|line| line.contains("still waiting for a node")).count();
    assert!(waits == 1 && stderr.contains("server=\"memcached1\""), "{stderr}");
    let message: serde_json::Value = serde_json::from_str(&loadgen.stdout()).unwrap();
    assert_eq!(message["exit"], 4);
    let error = message["error"].as_str().unwrap();
    assert!(
        error.starts_with("node memcached1 at ") && error.contains("did not answer within 6s"),
        "{error}"
    );
}

#[test]
fn a_summary_that_cannot_be_written_is_an_error() {
    let lab = Lab::start(1);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = testkit::command(LOADGEN)
        .args(["--config", lab.config().to_str().unwrap(), "--duration", "100ms"])
        .stdout(full)
        .output()
        .unwrap();
    let stderr = String::from_utf8(run.stderr).unwrap();
    let message =
        "error: cannot write to standard output\n  caused by: No space left on device (os error 28)\n";
    assert!(stderr.ends_with(message), "{stderr}");
    assert_eq!(run.status.code(), Some(4));
}

#[test]
fn a_server_that_is_not_memcached_is_named() {
    let lab = Lab::start(1);
    lab.set("loadgen.ready_timeout", "400ms");
    let api = lab.toxiproxy.url();
    let target = format!("web={}", api.trim_start_matches("http://"));
    let loadgen = lab.loadgen(LOADGEN, ["--servers", &target]);
    assert_eq!(loadgen.wait_exit(secs(10)), 4);
    let wanted = format!("error: node web at {} did not answer within 400ms: unexpected reply", &target[4..]);
    assert!(loadgen.stderr().contains(&wanted), "{}", loadgen.stderr());
}

#[test]
fn health_checks_the_running_daemon() {
    let unused = free_addr().to_string();
    let health = testkit::command(LOADGEN).args(["health", "--metrics-addr", &unused]).output().unwrap();
    assert_eq!(health.status.code(), Some(1));
    let stderr = String::from_utf8(health.stderr).unwrap();
    assert!(stderr.starts_with(&format!("error: health check of {unused} failed: ")), "{stderr}");

    let lab = Lab::start(1);
    let loadgen = lab.loadgen(LOADGEN, ["--concurrency", "1"]);
    loadgen.scrape_until("it serves", secs(10), |_| true);
    let config = lab.config();
    let health = |args: &[&str]| testkit::command(LOADGEN).arg("health").args(args).status().unwrap().code();
    assert_eq!(health(&["--config", config.to_str().unwrap()]), Some(0));
    assert_eq!(health(&["--metrics-addr", &lab.loadgen_addr.to_string()]), Some(0));
}

#[test]
fn completions_contain_the_presets() {
    for shell in ["bash", "zsh", "fish"] {
        let script = testkit::command(LOADGEN).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(script.stdout).unwrap();
        for word in ["get-heavy", "go-original", "think-time"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// As compose files and CI matrices leave them.
#[test]
fn a_variable_that_is_empty_counts_as_unset() {
    let help = testkit::command(LOADGEN).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let names: Vec<&str> =
        help.split("[env: ").skip(1).filter_map(|rest| rest.split('=').next()).chain(["RUST_LOG"]).collect();
    assert!(names.len() > 15, "{names:?}");
    let line =
        command_line(&["check"]).file("config/lab.yaml", SERVERS).stdout("config/lab.yaml: ok, 1 node\n");
    names.iter().fold(line, |line, name| line.variable(name, "")).run();
    command_line(&["check"])
        .variable("LAB_OP_TIMEOUT", " ")
        .stderr(
            "error: LAB_OP_TIMEOUT is ` `: not a duration, write it like `500ms`, `30s` or `2m`\n\
             hint: `loadgen --help` shows the usage\n",
        )
        .code(2)
        .run();
}

/// In a flag, a variable and a file, and repeated as it was typed.
#[test]
fn a_duration_has_one_of_the_documented_units() {
    let rule = "use one of us, ms, s, m, h";
    let hint = "hint: `loadgen --help` shows the usage\n";
    command_line(&["--duration", "1d"])
        .stderr(format!("error: --duration is `1d`: unknown unit `d`, {rule}\n{hint}"))
        .code(2)
        .run();
    command_line(&["check"])
        .variable("LAB_IDLE_TIMEOUT", "2min")
        .stderr(format!("error: LAB_IDLE_TIMEOUT is `2min`: unknown unit `min`, {rule}\n{hint}"))
        .code(2)
        .run();
    command_line(&["check"])
        .file("config/lab.yaml", &format!("{SERVERS}client: {{ max_lifetime: 1M }}\n"))
        .stderr(format!("error: config/lab.yaml:3: `max_lifetime` is `1M`: unknown unit `M`, {rule}\n"))
        .code(2)
        .run();
    command_line(&["check", "w.yaml"])
        .file("w.yaml", "name: w\nweights: { get: 100 }\nttl: 1000h\n")
        .stderr("error: w.yaml:3: `ttl` is 1000h, must be at most 30 days\n")
        .code(2)
        .run();
}

/// Every kind of file as an editor of another system saves it, and what is hidden in one.
#[test]
fn files_of_other_systems_are_read_and_control_characters_are_refused() {
    for (kind, text) in [
        ("1 node", SERVERS.to_owned()),
        ("workload `w`", "name:\tw\nweights: { get: 100 }\n".to_owned()),
        ("a client", "op_timeout:\t5s\n".to_owned()),
    ] {
        for saved in [format!("\u{feff}{text}"), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            command_line(&["check", "f.yaml"])
                .file("f.yaml", &saved)
                .stdout(format!("f.yaml: ok, {kind}\n"))
                .run();
        }
        command_line(&["check", "f.yaml"])
            .file("f.yaml", &format!("{text}\"x\\e[2J\": 1\n"))
            .stderr(format!(
                "error: f.yaml:{}: invalid text: it has the control character U+001B\n",
                text.lines().count() + 1
            ))
            .code(2)
            .run();
    }
}
