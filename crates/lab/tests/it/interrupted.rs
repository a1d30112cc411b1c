//! An `up` that a signal ends, or that is refused.

use std::fs;

use testkit::{Daemon, Signal, eventually, secs};

use crate::harness::{NativeLab, script};

#[test]
fn a_signal_during_the_build_also_ends_the_build() {
    let lab = NativeLab::new();
    let building = lab.folder().join("building");
    script(
        &lab.stubs().join("cargo"),
        &format!("sleep 300 &\necho \"$$ $!\" >'{}'\nwait\n", building.display()),
    );
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let up = Daemon::run(lab.lab_sh("up"));
        eventually("the build", secs(30), || {
            fs::read_to_string(&building).is_ok_and(|pids| pids.ends_with('\n'))
        });
        up.signal(signal);
        assert_eq!(up.wait_exit(secs(10)), code);
        let pids = fs::read_to_string(&building).unwrap();
        for pid in pids.split_whitespace() {
            assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "the build is still running: {pids}");
        }
        fs::remove_file(&building).unwrap();
    }
}

#[test]
fn a_lab_that_was_never_up_is_down() {
    let lab = NativeLab::new();
    let status = lab.run("status");
    assert_eq!((status.code, status.text.as_str()), (1, "no lab is up\n"));
    assert_eq!(lab.down(), "the lab is down\n");
    // As after an `up` that was killed before it wrote a service.
    fs::create_dir_all(&lab.home).unwrap();
    fs::write(lab.home.join("env"), format!("LAB_ENGINE=native\nLAB_PORT_OFFSET={}\n", lab.offset)).unwrap();
    assert_eq!(lab.down(), "the lab is down\n");
}

#[test]
fn an_invalid_lab_file_is_refused_before_anything_starts() {
    let lab = NativeLab::new();
    let file = lab.folder().join("lab.yaml");
    let shipped = fs::read_to_string(lab.checkout.join("config/lab.yaml")).unwrap();
    for (from, to, message) in [
        ("workload: mixed", "workload: mixd", "`workload` is `mixd`"),
        ("name: memcached2", "name: guard", ": invalid node name `guard`: a part of the lab has this name"),
    ] {
        fs::write(&file, shipped.replacen(from, to, 1)).unwrap();
        let up = crate::harness::ran(lab.lab_sh("up").env("LAB_CONFIG", &file));
        assert!(up.code == 2 && up.text.contains(message), "{}: {}", up.code, up.text);
        assert!(!lab.home.join("service").exists(), "{to}");
    }
}
