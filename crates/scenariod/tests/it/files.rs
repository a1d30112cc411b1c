//! Playlists and the check of files as a user meets them: the exact words, and what is run. Little needs a lab.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use testkit::{Lab, free_addr};

use crate::harness::{BIN, SCENARIOS, catalogue, clean_exit, command, command_line, start};

const LAB: &str = "servers:\n  - { name: cache-a, listen: 127.0.0.1:1, upstream: 127.0.0.1:2 }\n";
const MINE: &str = "playlist: mine\nabout: x\nentries: [{ scenario: slow, repeat: 2 }, both]\n";

#[test]
fn a_playlist_is_shown_by_its_name_and_by_its_path() {
    let shown = "mine (playlist, 4m 30s in all)\nx\n\n    \
                 1/2  latency-1s  15s + 30s + 30s  latency 1s, seed 7, then a pause of 45s\n    \
                 2/2  node-down   30s + 1m + 1m    down";
    let text = "playlist: mine\nabout: x\nentries:\n  \
                - { scenario: latency-1s, time_scale: 0.5, seed: 7, pause: 45s }\n  - node-down\n";
    command_line(&["show", "./own/list.yaml"]).file("own/list.yaml", text).stdout(shown).run();
    command_line(&["show", "mine", "--catalogue", "own"]).file("own/list.yaml", text).stdout(shown).run();
}

#[test]
fn a_scenario_of_which_nothing_is_expected_is_shown_as_such() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.yaml"), SCENARIOS).unwrap();
    let shown = command().args(["show", "slow", "--catalogue"]).arg(folder.path()).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.ends_with("\nexpectations\n  none: its runs are not judged\n"), "{shown}");
}

#[test]
fn a_wrong_playlist_is_refused_with_the_place() {
    command_line(&["--scenario", "./list.yaml"])
        .file("list.yaml", "playlist: mine\nabout: x\nentries:\n  - latency-1s\n  - { scenario: blib }\n")
        .code(2)
        .stderr(
            "error: ./list.yaml:5: unknown scenario or family `blib`, did you mean `blip`? (scenarios of your own: --catalogue DIR)",
        )
        .run();
    command_line(&["--scenario", "./mine.yaml"])
        .file("mine.yaml", SCENARIOS)
        .code(2)
        .stderr(
            "error: ./mine.yaml:1: expected a playlist, found scenarios: use `--catalogue` with their folder",
        )
        .run();
    command_line(&["--scenario", "./list.yaml", "--time-scale", "100"])
        .file("list.yaml", "playlist: mine\nabout: x\ntime_scale: 10\nentries: [latency-1s]\n")
        .code(2)
        .stderr(
            "error: the product of --time-scale and the playlist's time scale must be from 0.0001 to 100\n\
             hint: `scenariod run --help` shows the usage",
        )
        .run();
}

#[test]
fn a_playlist_is_walked_in_its_order_with_its_repeats() {
    let lab = Lab::start(2);
    let path = lab.folder().join("list.yaml");
    std::fs::write(&path, MINE).unwrap();
    let list = path.display().to_string();
    let daemon = start(&lab, &list, &["--time-scale", "0.5", "--pause", "10ms", "--scenario", "slow"]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    let stderr = daemon.stderr();
    let tested: Vec<&str> = stderr
        .lines()
        .filter(|line| line.contains(": testing for 400ms"))
        .map(|line| line.split_whitespace().nth(2).unwrap())
        .collect();
    assert_eq!(tested, ["slow", "slow", "both", "slow"], "{stderr}");
    assert_eq!(stderr.matches("pause of 10ms").count(), 3, "{stderr}");
    assert!(stderr.contains("run 4/4 slow"), "{stderr}");
}

#[test]
fn what_is_named_twice_is_run_twice_and_said() {
    let lab = Lab::start(2);
    let daemon = start(&lab, "slow,slow", &["--time-scale", "0.1"]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(
        daemon.stderr().starts_with("slow is selected 2 times and runs 2 times\n"),
        "{}",
        daemon.stderr()
    );
    assert!(daemon.stdout().contains("\nslow         2 "), "{}", daemon.stdout());
}

#[test]
fn check_descends_and_one_unreadable_file_hides_no_other() {
    command_line(&["check", "no.yaml", "files"])
        .file("files/deep/below/a.yaml", &SCENARIOS.replace("rate: 0.1", "rate: 1e-300"))
        .file("files/other/compose.yaml", "services: {}\n")
        .file("files/lab.yaml", "scenariod:\n  metrics_adr: 127.0.0.1:1\n")
        .file("files/list.yaml", "playlist: latency\nabout: x\nentries: [blip]\n")
        .code(2)
        .stdout("")
        .stderr(
            "error: cannot read no.yaml: No such file or directory (os error 2)\n\
             error: files/deep/below/a.yaml:9: `rate` is 1e-300, must be at least 0.000001\n\
             error: files/lab.yaml:1: missing key `servers` in the file\n\
             error: files/list.yaml:1: playlist `latency` has the same name as a family",
        )
        .run();
    command_line(&["check", "."])
        .file("a.yaml", &SCENARIOS.replace("memcached2", "memcached3"))
        .file("deep/list.yaml", MINE)
        .file("deep/compose.yaml", "services: {}\n")
        .file("deep/notes.txt", "x")
        .stdout(
            "ok: 3 scenarios in 1 file, 1 playlist, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)\n\
             not judged, as they have no expectations: slow, both, long\n\
             left out, as they are not files of scenariod:\n  ./deep: compose.yaml",
        )
        .run();
    command_line(&["check", "a.yaml", "nodes.yaml"])
        .file("a.yaml", &SCENARIOS.replace("rate: 0.1", "rate: 7"))
        .file("nodes.yaml", &SCENARIOS.replace("memcached2", "memcachd2"))
        .code(2)
        .stderr(
            "error: a.yaml:9: `rate` is 7, must be at most 1\n\
             error: nodes.yaml:5: scenario `both`: unknown node `memcachd2`, did you mean `memcached2`? (the lab has memcached1, memcached2, memcached3; `{ first: 1 }` is its first node)",
        )
        .run();
    command_line(&["check", "other.yaml"])
        .file("other.yaml", "zebra: {}\n")
        .code(2)
        .stderr(
            "error: other.yaml:1: not a scenario file (`family`), playlist (`playlist`) or lab file (`servers`)",
        )
        .run();
}

#[test]
fn a_playlist_is_checked_beside_the_catalogue_that_is_named() {
    let own = |args: &[&str]| command_line(args).file("own/a.yaml", SCENARIOS).file("own/list.yaml", MINE);
    own(&["check", "own/list.yaml", "--catalogue", "own"])
        .stdout("ok: 1 playlist, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)")
        .run();
    own(&["check", "own", "--catalogue", "./own"])
        .stdout(
            "ok: 3 scenarios in 1 file, 1 playlist, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)\n\
             not judged, as they have no expectations: slow, both, long",
        )
        .run();
    own(&["check", "own/list.yaml"])
        .code(2)
        .stderr(
            "error: own/list.yaml:3: unknown scenario or family `both` (scenarios of your own: --catalogue DIR)\n\
             error: own/list.yaml:3: unknown scenario or family `slow`, did you mean `slow-close`? (scenarios of your own: --catalogue DIR)",
        )
        .run();
    own(&["check", "own/list.yaml", "--catalogue", "none"])
        .code(2)
        .stderr("error: cannot read none\n  caused by: No such file or directory (os error 2)")
        .run();
}

#[test]
fn values_out_of_bounds_are_named_with_their_bounds() {
    let wrong = |from: &str, to: &str, message: &str| {
        command_line(&["check", "a.yaml"])
            .file("a.yaml", &SCENARIOS.replace(from, to))
            .code(2)
            .stderr(format!("error: a.yaml:{message}"))
            .run();
    };
    let loss = "fault: packet_loss, rate: 0.1";
    wrong(
        loss,
        "fault: packet_loss, rate: 0.1, share: 1e-320",
        "9: `share` is 1e-320, must be at least 0.000001",
    );
    wrong(
        loss,
        "fault: bandwidth, rate: 99999999999",
        "9: `rate` is 99999999999, must be at most 4294967295",
    );
    wrong(loss, "fault: packet_loss, rate: 1e999", "9: `rate` is inf, must be a finite number");
    wrong(
        "target: memcached1, fault: packet_loss",
        "target: { name: memcached1 }, fault: packet_loss",
        "9: unknown key `name` in `target`, write `memcached1`, `all`, `[memcached1, memcached2]`, `{ first: 2 }`, `{ nth: 2 }` or `{ count: 2 }`",
    );
    wrong(
        "name: both",
        "name: latency",
        "5: scenario `latency` has the same name as a family, see config/scenarios/latency.yaml (built in)",
    );
}

#[test]
fn proxies_that_cannot_stand_beside_each_other_are_refused() {
    let second = "  - { name: cache-b, listen: 127.0.0.1:1, upstream: 127.0.0.1:1 }\n";
    command_line(&["check", "lab.yaml"])
        .file("lab.yaml", &format!("{LAB}{second}"))
        .code(2)
        .stderr(
            "error: lab.yaml:3: cache-a and cache-b have the same `listen`, 127.0.0.1:1\n\
             error: lab.yaml:3: cache-b has the same `listen` and `upstream`, 127.0.0.1:1",
        )
        .run();
}

#[test]
fn variables_that_are_empty_count_as_unset_and_wrong_ones_are_named() {
    let check = |variable: &str, value: &OsStr| {
        let output = command().arg("check").env(variable, value).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let sound = "ok: 42 scenarios in 8 files, 3 playlists, 3 nodes in 1 lab file (its loadgen: and client: sections: loadgen check)\n".to_owned();
    assert_eq!(check("LAB_CONFIG", OsStr::new("")), (Some(0), sound));
    let offset = |value: &str| {
        format!("error: LAB_PORT_OFFSET is `{value}`, must be a whole number from 0 to 50000\n")
    };
    assert_eq!(check("LAB_PORT_OFFSET", OsStr::from_bytes(b"\xff")), (Some(2), offset("\u{fffd}")));
    let beyond = check("LAB_PORT_OFFSET", OsStr::new("50000")).1;
    assert!(beyond.contains("`listen` is 127.0.0.1:21211: port 21211 plus 50000 is above 65535"), "{beyond}");
    let output = command().arg("--scenario").arg(OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: invalid UTF-8: `\u{fffd}`\nhint: `scenariod run --help` shows the usage\n"
    );
}

#[test]
fn a_full_disk_behind_standard_output_is_reported() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let listed = command().arg("list").stdout(full()).output().unwrap();
    assert_eq!(listed.status.code(), Some(4));
    let said = "error: cannot write to standard output\n  caused by: No space left on device (os error 28)\n";
    assert_eq!(String::from_utf8(listed.stderr).unwrap(), said);

    let lab = Lab::start(2);
    let folder = catalogue(&lab, SCENARIOS).display().to_string();
    let args = ["--no-verdict", "--scenario", "slow", "--time-scale", "0.1", "--linger", "0s", "--catalogue"];
    let run = lab.command(BIN, args.into_iter().chain([folder.as_str()])).stdout(full()).output().unwrap();
    let stderr = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(3), "its phases were walked: {stderr}");
    let (_, summary) = stderr.split_once(said).unwrap();
    assert!(summary.starts_with("scenario  runs"), "{stderr}");
}

#[test]
fn completions_offer_what_can_be_run() {
    for shell in ["bash", "zsh", "fish"] {
        let script = command().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(script.stdout).unwrap();
        for word in ["packet-loss-10", "packet-loss-ladder", "smoke", "quiet", "playlist"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // Names stand in a plain script as well: what completes the second of `a,b` is put in by us.
        let list = [("bash", ""), ("zsh", "{_sequence compadd - "), ("fish", "(__fish_append , ")];
        assert!(list.iter().all(|(name, call)| *name != shell || script.contains(call)), "{shell}");
    }
}

#[test]
fn a_list_can_be_limited_to_names() {
    let listed = |args: &[&str]| {
        let output = command().args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| line.split_whitespace().next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    let expected = ["flaky", "flaky-fast", "flaky-slow", "", "playlists", "smoke"];
    assert_eq!(listed(&["list", "flaky", "smoke"]), expected);
    assert_eq!(listed(&["--list", "--scenario", "smoke,flaky"]), expected);
    assert_eq!(listed(&["list", "smoke"]), ["playlists", "smoke"]);
    assert_eq!(listed(&["list", "packet-loss-10-pct"]), ["packet-loss", "packet-loss-10"]);
    assert_eq!(listed(&["--list", "--json"])[0], "{");
    command_line(&["list", "latncy"])
        .code(2)
        .stderr("error: unknown scenario, family or playlist: latncy\nhint: did you mean latency?")
        .run();
}

#[test]
fn help_is_a_command_too() {
    for args in [&["help"][..], &["help", "show"]] {
        command_line(args).run();
    }
}

#[test]
fn the_help_of_a_command_shows_only_the_flags_that_it_reads() {
    let flags = |name: &str| {
        let help = command().args([name, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let flags = help.lines().filter_map(|line| line.trim_start().strip_prefix("--").map(str::to_owned));
        flags.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(flags("health"), "metrics-addr config");
    assert_eq!(flags("clean"), "dry-run toxiproxy state-dir config");
    assert_eq!(flags("guard"), "interval toxiproxy state-dir metrics-addr config");
    assert_eq!(flags("check"), "config catalogue");
    assert_eq!(flags("list"), "json runnable config catalogue");
    assert!(flags("run").starts_with("scenario loop pause dry-run list time-scale toxiproxy"));
    // Global flags that are not shown are accepted on either side of the command.
    command_line(&["--catalogue", "none", "proxies", "--state-dir", "none"]).run();
}

#[test]
fn a_health_check_without_a_run_says_so_and_names_the_guard() {
    let (run, guard) = (free_addr(), free_addr());
    command_line(&["health", "--config", "lab.yaml"])
        .file("lab.yaml", &format!("{LAB}scenariod: {{ metrics_addr: '{run}', guard_addr: '{guard}' }}\n"))
        .code(1)
        .stderr(format!(
            "error: health check of {run} failed: no answer: Connection refused (os error 111)\n\
             hint: no scenario is running, or it serves at another address; `scenariod health --metrics-addr {guard}` checks the guard"
        ))
        .run();
}
