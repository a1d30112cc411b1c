//! Invalid input: its exact messages and exit codes. No lab is needed, as nothing is changed.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use testkit::free_addr;

use crate::harness::{SCENARIOS, command, command_line, repository};

const HELP: &str = "hint: `scenariod run --help` shows the usage";

#[test]
fn an_invalid_command_line_is_refused_with_its_reason() {
    let cases: &[(&[&str], &str)] = &[
        (
            &[],
            "error: nothing to run: missing argument NAME\nhint: `scenariod list` shows the names, `scenariod run NAME` runs one",
        ),
        (
            &["packet-loss-10"],
            "error: unknown command: packet-loss-10\nhint: did you mean `scenariod run packet-loss-10`?",
        ),
        (&["lisst"], "error: unknown command: lisst\nhint: did you mean `scenariod list`?"),
        (
            &["--scenario", "packet-loss-11"],
            "error: unknown scenario, family or playlist: packet-loss-11\nhint: did you mean packet-loss-10?",
        ),
        (
            &["--scenario", "zebra"],
            "error: unknown scenario, family or playlist: zebra\nhint: `scenariod list` shows every scenario",
        ),
        (&["--scenaro", "x"], "error: unknown flag: --scenaro\nhint: did you mean --scenario?"),
        (
            &["--scenario", "x", "--loop", "0"],
            "error: --loop is `0`: must be a whole number from 1, or have no value to run forever\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "list"],
            "error: --scenario cannot be used with the command `list`\nhint: `scenariod list --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--time-scale", "-1"],
            "error: --time-scale is `-1`: must be a number from 0.0001 to 100\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--toxiproxy", "localhost"],
            "error: --toxiproxy is `localhost`: not a URL, write it like `http://127.0.0.1:8474`\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--time-scale", "x"],
            "error: --time-scale is `x`: must be a number from 0.0001 to 100\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--time-scale", "1e300"],
            "error: --time-scale is `1e300`: must be a number from 0.0001 to 100\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--time-scale", "nan"],
            "error: --time-scale is `nan`: must be a number from 0.0001 to 100\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--loop", "-1"],
            "error: --loop is `-1`: must be a whole number from 1, or have no value to run forever\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--seed", "1", "--seed", "2"],
            "error: --seed is given twice\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["--scenario", "x", "--seed", "-1"],
            "error: --seed is `-1`: must not be negative\nhint: `scenariod run --help` shows the usage",
        ),
        (
            &["./mine.yaml"],
            "error: unknown command: ./mine.yaml\nhint: did you mean `scenariod run ./mine.yaml`?",
        ),
        (
            &["--scenario", "smoke", "latency"],
            "error: unknown command: latency\nhint: did you mean `scenariod run smoke latency`?",
        ),
        (
            &["check", "--scenario", "smoke"],
            "error: --scenario cannot be used with the command `check`\nhint: `scenariod check --help` shows the usage",
        ),
        (&["--scenario"], "error: --scenario needs a value\nhint: `scenariod run --help` shows the usage"),
        (&["show"], "error: missing argument NAME\nhint: `scenariod show --help` shows the usage"),
        (
            &["start", "mine.yaml"],
            "error: unknown command: start\nhint: did you mean `scenariod run mine.yaml`?",
        ),
        (
            &["run"],
            "error: nothing to run: missing argument NAME\nhint: `scenariod list` shows the names, `scenariod run NAME` runs one",
        ),
        (
            &["run", "packet-loss-11"],
            "error: unknown scenario, family or playlist: packet-loss-11\nhint: did you mean packet-loss-10?",
        ),
        (
            &["--json", "list"],
            "error: --json must come after the command `list`\nhint: `scenariod list --help` shows the usage",
        ),
        (
            &["show", "a", "--toxiproxy", "http://t:1"],
            "error: --toxiproxy cannot be used with the command `show`\nhint: `scenariod show --help` shows the usage",
        ),
        (
            &["guard", "--interval", "0s"],
            "error: --interval is `0s`: must be longer than zero\nhint: `scenariod guard --help` shows the usage",
        ),
        (
            &["zebra"],
            "error: unknown command: zebra\nhint: `scenariod --help` shows the commands, `scenariod list` the scenarios",
        ),
        (&["check", ""], "error: PATH needs a value\nhint: `scenariod check --help` shows the usage"),
        (
            &["show", ""],
            "error: no scenario, family or playlist is given\nhint: `scenariod list` shows every scenario",
        ),
        (
            &["--scenario", " , "],
            "error: no scenario, family or playlist is given\nhint: `scenariod list` shows every scenario",
        ),
        (&["help", "lisst"], "error: unknown command: lisst\nhint: `scenariod --help` shows the usage"),
        (
            &["completions", "bahs"],
            "error: SHELL is `bahs`, must be one of bash, elvish, fish, powershell, zsh\nhint: did you mean bash?",
        ),
        (
            &["--playlist", "smoek"],
            "error: unknown scenario, family or playlist: smoek\nhint: did you mean smoke?",
        ),
    ];
    for (args, stderr) in cases {
        command_line(args).code(2).stderr(*stderr).stdout("").run();
    }
    command_line(&["--scenario", "x", "--linger", "soon"])
        .code(2)
        .stderr(format!(
            "error: --linger is `soon`: not a duration, write it like `500ms`, `30s` or `2m`\n{HELP}"
        ))
        .run();
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let missing = |args: &[&str], path: &str| {
        let stderr =
            format!("error: cannot read {path}\n  caused by: No such file or directory (os error 2)");
        command_line(args).code(2).stderr(stderr).run();
    };
    missing(&["--scenario", "latency", "--config", "no.yaml"], "no.yaml");
    missing(&["--scenario", "latency", "--catalogue", "nowhere"], "nowhere");
    missing(&["--scenario", "./no.yaml"], "./no.yaml");
}

#[test]
fn devices_and_files_over_a_megabyte_are_not_read() {
    let device = "error: cannot read /dev/zero\n  caused by: not a regular file";
    let large = "#".repeat((1 << 20) + 1);
    command_line(&["show", "/dev/zero"]).code(2).stderr(device).run();
    command_line(&["proxies", "--config", "/dev/zero"]).code(2).stderr(device).run();
    command_line(&["check", "/dev/zero", "/dev/stdin", "large.yaml"])
        .file("large.yaml", &large)
        .code(2)
        .stderr(
            "error: cannot read /dev/zero: not a regular file\n\
             error: cannot read /dev/stdin: not a regular file\n\
             error: cannot read large.yaml: larger than 1 MiB",
        )
        .run();
    command_line(&["check", "most.yaml"])
        .file("most.yaml", &format!("{LAB}{}", &large[LAB.len() + 1..]))
        .stdout("ok: 1 node in 1 lab file")
        .run();
}

#[test]
fn a_file_of_another_kind_is_refused_in_one_line() {
    let lab = "error: lab.yaml:1: expected a playlist, found a lab: use `--config` for it";
    command_line(&["--scenario", "lab.yaml"]).file("lab.yaml", LAB).code(2).stderr(lab).run();
    command_line(&["list", "--catalogue", "mine"])
        .file("mine/compose.yaml", "services: {}\n")
        .file("mine/lab.yaml", LAB)
        .code(2)
        .stderr("error: mine/lab.yaml:1: expected scenarios or a playlist, found a lab")
        .run();
}

#[test]
fn other_files_of_a_folder_are_left_out_by_a_check_and_by_a_run() {
    let mixed = |args: &[&str]| {
        command_line(args)
            .file("mine/a.yaml", SCENARIOS)
            .file("mine/empty.yaml", "")
            .file("mine/compose.yaml", "services: {}\n")
    };
    mixed(&["list", "slow", "--catalogue", "mine"]).run();
    mixed(&["check", "mine"]).run();
    let nothing = |args: &[&str], what: &str| {
        let stderr = format!("error: no {what} in notes");
        command_line(args).file("notes/empty.yaml", "").file("notes/a.md", "x").code(2).stderr(stderr).run();
    };
    nothing(&["check", "notes"], "scenario, playlist or lab file");
    nothing(&["list", "--catalogue", "notes"], "scenario or playlist file (*.yaml)");
}

const LAB: &str = "servers:\n  - { name: cache-a, listen: 127.0.0.1:1, upstream: 127.0.0.1:2 }\n";

#[test]
fn a_broken_lab_file_is_named_with_its_lines() {
    command_line(&["--scenario", "latency", "--config", "lab.yaml"])
        .file("lab.yaml", &format!("{LAB}scenariod:\n  metrics_adr: 127.0.0.1:1\n"))
        .code(2)
        .stderr("error: lab.yaml:4: unknown key `metrics_adr` in `scenariod`, did you mean `metrics_addr`?")
        .run();
    command_line(&["--scenario", "latency", "--config", "lab.yaml"])
        .file(
            "lab.yaml",
            &LAB.replace(
                "servers:\n",
                "servers:\n  - { name: cache-a, listen: 127.0.0.1:3, upstream: 127.0.0.1:4 }\n",
            ),
        )
        .code(2)
        .stderr("error: lab.yaml:3: duplicate node name `cache-a`")
        .run();
}

#[test]
fn check_reports_every_problem_of_every_file() {
    let broken = SCENARIOS
        .replace("delay: 7ms, jitter: 3ms", "dealy: 7ms")
        .replace("rate: 0.1", "rate: 0.1, share: 2");
    command_line(&["check", "lab.yaml", "scenarios"])
        .file("lab.yaml", &format!("{LAB}clinet: {{}}\n"))
        .file("scenarios/a.yaml", &broken)
        .file("scenarios/b.yaml", "family: other\n")
        .code(2)
        .stdout("")
        .stderr(
            "error: lab.yaml:3: unknown key `clinet` in the file, did you mean `client`?\n\
             error: scenarios/a.yaml:4: missing key `delay` in `faults`\n\
             error: scenarios/a.yaml:4: unknown key `dealy` in `faults`, did you mean `delay`?\n\
             error: scenarios/a.yaml:9: `share` is 2, must be at most 1\n\
             error: scenarios/b.yaml:1: missing key `phases` in the file\n\
             error: scenarios/b.yaml:1: missing key `scenarios` in the file",
        )
        .run();
}

#[test]
fn the_shipped_files_are_valid() {
    command_line(&["check"]).stdout("ok: 42 scenarios in 8 files, 3 playlists, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)").run();
    let (lab, scenarios) = (repository("config/lab.yaml"), repository("config/scenarios"));
    command_line(&["check", &lab, &scenarios])
        .stdout("ok: 42 scenarios in 8 files, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)")
        .run();
    // The folders below as well. The files of loadgen beside them are left out.
    let config = repository("config");
    command_line(&["check", &config])
        .stdout(format!(
            "ok: 42 scenarios in 8 files, 3 playlists, 6 nodes in 2 lab files (their loadgen: and client: sections: loadgen check)\n\
             left out, as they are not files of scenariod:\n  \
             {config}/clients: default.yaml, fail-fast.yaml, go-original.yaml, patient.yaml\n  \
             {config}/workloads: get-heavy.yaml, get.yaml, mixed.yaml, set-heavy.yaml, zipf.yaml"
        ))
        .run();
}

#[test]
fn the_proxies_of_both_engines_are_those_of_their_lab_files() {
    for (lab, proxies) in [
        ("config/lab.yaml", "deploy/toxiproxy.native.json"),
        ("config/lab.compose.yaml", "deploy/toxiproxy.compose.json"),
    ] {
        let committed = std::fs::read_to_string(repository(proxies)).unwrap();
        command_line(&["proxies", "--config", &repository(lab)]).stdout(committed.trim_end()).run();
    }
}

#[test]
fn a_taken_port_and_an_absent_toxiproxy_end_with_4_and_their_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    command_line(&["--scenario", "latency-1s", "--metrics-addr", &addr.to_string()])
        .code(4)
        .stderr(format!(
            "error: cannot serve metrics on {addr}: Address already in use (os error 98)\n\
             hint: another scenariod may be running; `--metrics-addr` sets another address"
        ))
        .run();
    let nobody = free_addr();
    let output = command()
        .args(["--scenario", "latency-1s", "--metrics-addr", "127.0.0.1:0", "--toxiproxy"])
        .arg(format!("http://{nobody}"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{stderr}");
    assert!(
        stderr.ends_with(&format!(
            "error: latency-1s was not started: cannot connect to toxiproxy: GET http://{nobody}/proxies: Connection refused (os error 111)\n\
             hint: is the lab running? check with `just status`, start it with `just up`, or name another Toxiproxy with `--toxiproxy`\n"
        )),
        "{stderr}"
    );
}

#[test]
fn a_reader_that_goes_away_early_is_not_an_error() {
    let mut child =
        command().args(["list", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn help_names_the_exit_codes() {
    let help = command().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    for code in [
        "0 the verdict passed",
        "1 it failed",
        "2 usage",
        "3 inconclusive",
        "4 set-up",
        "5 a fault may still be active",
        "130 and 143",
    ] {
        assert!(help.contains(code), "{code}: {help}");
    }
}

#[test]
fn the_page_of_scenarios_is_the_catalogue() {
    let page = std::fs::read_to_string(repository("docs/scenarios.md")).unwrap();
    command_line(&["list", "--markdown"]).stdout(page.trim_end()).run();
}

#[test]
fn a_scenario_can_be_shown_under_each_of_its_names() {
    let shown = |name: &str| {
        let output = command().args(["show", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).unwrap()
    };
    let by_name = shown("packet-loss-10");
    assert!(by_name.contains(r#""latency":-4"#), "{by_name}");
    assert_eq!(shown("packet-loss-10-pct"), by_name);
    command_line(&["show", "zebra"])
        .code(2)
        .stderr(
            "error: unknown scenario, family or playlist: zebra\nhint: `scenariod list` shows every scenario",
        )
        .run();
    command_line(&["show", "packet-loss-10", "--dry-run"]).code(2).run();
}
