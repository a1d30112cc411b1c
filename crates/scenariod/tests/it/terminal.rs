//! What a run writes to a terminal, and what it writes without one.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use testkit::{Lab, Prometheus, secs, workspace_bin};

use crate::harness::{BIN, SCENARIOS, catalogue, clean_exit, ours, start};

/// The progress line is erased before it is drawn again.
const WIPE: &str = "\u{1b}[2K";

/// What a run writes to a terminal of 80 columns, and its exit code.
fn on_terminal(lab: &Lab, args: &[&str], term: &str) -> (String, Option<i32>) {
    let folder = catalogue(lab, SCENARIOS);
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let slave = File::options().read(true).write(true).open(name).unwrap();
    let mut command = lab.command(BIN, [""; 0]);
    command
        .args((!args.contains(&"--prometheus")).then_some("--no-verdict"))
        .args(["--linger", "0s", "--catalogue"])
        .arg(&folder);
    command.args(args).env("TERM", term).stdout(Stdio::null()).stderr(slave);
    let mut child = command.spawn().unwrap();
    // The terminal ends for its reader when the last writer is gone, and this command holds a writer.
    drop(command);
    let mut screen = File::from(master);
    let reader = thread::spawn(move || {
        let (mut shown, mut part) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = screen.read(&mut part) {
            shown.extend_from_slice(&part[..count]);
        }
        String::from_utf8_lossy(&shown).into_owned()
    });
    let code = child.wait().unwrap().code();
    (reader.join().unwrap(), code)
}

#[test]
fn a_terminal_gets_one_progress_line_below_the_other_lines() {
    let lab = Lab::start(2);
    let (shown, code) = on_terminal(&lab, &["--scenario", "both,slow", "--loop", "2"], "xterm");
    assert_eq!(code, Some(0), "{shown}");
    for part in [
        "run 1/4 both: stabilization [",
        "run 2/4 slow: testing [",
        "s left, 2 faults on",
        "s left, 1 fault on",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    // The lines above show each phase on a line of its own.
    let lines: Vec<&str> =
        shown.lines().map(|line| line.rsplit(WIPE).next().unwrap().trim_start_matches('\r')).collect();
    for phase in ["stabilization for 400ms", "testing for 800ms", "recovery for 400ms", "success: "] {
        let whole = lines
            .iter()
            .filter(|line| line.starts_with("run ") && line.contains(phase) && !line.contains('['))
            .count();
        assert_eq!(whole, 4, "{phase}: {lines:#?}");
    }
    // Between two runs there is no progress line.
    assert!(!shown.contains(&format!("{WIPE} [")) && !shown.contains("\n ["), "{shown}");
    // After the end of a run there is no progress line, as no phase is running.
    for told in shown.split(": success: ").skip(1) {
        assert!(!told.split("stabilization").next().unwrap().contains("recovery"), "{shown}");
    }
    // At the end the progress line is gone.
    assert!(
        lines.last().unwrap().ends_with(": success: all phases completed, no toxic is left"),
        "{lines:#?}"
    );
    assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new());
}

#[test]
fn the_progress_line_shows_live_figures() {
    let lab = Lab::start(1);
    let prometheus = Prometheus::start([("loadgen", lab.loadgen_addr)]);
    let _loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "4", "--rate", "200"]);
    prometheus.wait_for("server:memcache_error_ratio:rate5s", secs(30), |series| !series.is_empty());
    let url = prometheus.url();
    let (shown, _) = on_terminal(&lab, &["--scenario", "long", "--prometheus", &url], "xterm");
    let figures = |line: &str| {
        line.contains(" left, ")
            && line.contains(" left, 1 fault on, memcached1: ")
            && line.contains("/s, 0.0% failed, ")
    };
    assert!(shown.split(WIPE).any(figures), "{shown}");
    // Without an answer, the line has no figures.
    let nobody = ["--scenario", "slow", "--prometheus", "http://127.0.0.1:1"];
    let (shown, code) = on_terminal(&lab, &nobody, "xterm");
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("slow: testing [") && !shown.contains("failed, "), "{shown}");
    let (shown, _) = on_terminal(&lab, &["--scenario", "slow", "--prometheus", &url], "dumb");
    assert!(!shown.contains("failed, "), "{shown}");
}

#[test]
fn a_dumb_terminal_gets_lines_and_a_quiet_run_writes_nothing() {
    let lab = Lab::start(1);
    let (shown, code) = on_terminal(&lab, &["--scenario", "slow"], "dumb");
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains('\u{1b}') && shown.contains(": testing for 800ms"), "{shown}");
    let (shown, code) = on_terminal(&lab, &["--scenario", "slow", "--quiet"], "xterm");
    assert_eq!((shown.as_str(), code), ("", Some(0)));
}

#[test]
fn without_a_terminal_there_are_only_lines() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(!daemon.stderr().contains(['\r', '\u{1b}']), "{}", daemon.stderr());
}
