//! `just calibrate` on a machine that cannot make network namespaces: one message, and exit code 4.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use testkit::{command, find_program, workspace};

/// Programs that the script needs besides those that it asks for.
const TOOLS: [&str; 10] =
    ["bash", "cat", "dirname", "grep", "mktemp", "paste", "realpath", "rm", "tr", "uname"];

/// The first line that the script prints for this user, if only these programs of `ip` and `iptables` are on PATH. They all fail.
fn refusal(uid: u32, programs: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for tool in TOOLS {
        symlink(find_program(tool).unwrap(), folder.path().join(tool)).unwrap();
    }
    script(&folder.path().join("id"), &format!("echo {uid}"));
    for program in programs {
        script(&folder.path().join(program), "echo not permitted >&2\nexit 1");
    }
    let output = command("/bin/bash")
        .arg(workspace().join("deploy/calibrate.sh"))
        .env("PATH", folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    String::from_utf8(output.stderr).unwrap().lines().next().unwrap_or_default().to_owned()
}

fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        refusal(1000, &["ip", "iptables"]),
        "error: calibration requires root: it creates network namespaces and iptables rules"
    );
    assert_eq!(refusal(0, &["iptables"]), "error: calibration requires the program ip");
    assert_eq!(refusal(0, &["ip"]), "error: calibration requires the program iptables");
    assert_eq!(refusal(0, &["ip", "iptables"]), "error: cannot create network namespaces: not permitted");
}
