//! Many pairs of up and down in changing folders, some of them killed at a random moment.

use std::time::{Duration, Instant};

use testkit::{Daemon, Signal, report, scale, sleep};

use crate::harness::NativeLab;

/// Names of folders: plain, and with characters that a shell treats specially.
const NAMES: [&str; 4] = ["plain", "with space", "ü b'ä:$x", "a\"b;c&d"];

#[test]
fn up_and_down_leave_nothing_whenever_they_are_killed() {
    let pairs: usize = scale(3, 100);
    let started = Instant::now();
    let mut killed = 0;
    for index in 0..pairs {
        let lab = NativeLab::in_folder(NAMES[index % NAMES.len()]);
        match index % 3 {
            0 => {
                lab.up();
            }
            // An `up` that is killed, the second of them with no time to react.
            way => {
                let up = Daemon::run(lab.lab_sh("up"));
                sleep(Duration::from_millis(fastrand::u64(100..4_000)));
                killed += usize::from(!up.has_exited());
                up.signal(if way == 1 { Signal::TERM } else { Signal::KILL });
                up.kill();
            }
        }
        if index % 2 == 1 {
            let down = Daemon::run(lab.lab_sh("down"));
            sleep(Duration::from_millis(fastrand::u64(20..800)));
            down.kill();
        }
        let text = lab.down();
        assert_eq!(lab.left(), Vec::<String>::new(), "pair {index}: {text}");
        assert!(!lab.home.join("service").exists() && !lab.home.join("env").exists(), "pair {index}");
        let beside: Vec<_> =
            std::fs::read_dir(lab.folder()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(beside.len(), 2, "files outside the checkout: {beside:?}");
    }
    report(
        "Pairs of up and down",
        [format!(
            "{pairs} pairs, {killed} ups killed at a random moment, in {} s: no process and no file is left",
            started.elapsed().as_secs()
        )],
    );
}
