//! A lab is the same under every name of its folder, and a copy of its folder is another lab.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::harness::{NativeLab, ran};

#[test]
fn a_lab_that_came_up_through_a_link_is_known_by_its_real_and_its_relative_name() {
    let lab = NativeLab::new();
    fs::create_dir(&lab.home).unwrap();
    let link = lab.folder().join("link");
    symlink(&lab.home, &link).unwrap();
    ran(lab.lab_sh("up").env("LAB_HOME", link.join(""))).succeeded();
    let before = lab.pids();
    assert_eq!(before.len(), 7, "{before:?}");
    let relative = |argument: &str| {
        ran(lab.lab_sh(argument).env("LAB_HOME", "./link/../home").current_dir(lab.folder()))
    };
    relative("up").succeeded();
    assert_eq!(lab.pids(), before, "a second up restarted something");
    relative("down").succeeded();
    assert_eq!(lab.left(), Vec::<String>::new());
}

#[test]
fn a_lab_whose_folder_was_renamed_can_be_stopped_and_a_copy_of_the_folder_is_another_lab() {
    let mut lab = NativeLab::new();
    lab.up();
    let renamed = lab.folder().join("renamed");
    let copy = lab.folder().join("copy");
    assert!(Command::new("cp").arg("-r").arg(&lab.home).arg(&copy).status().unwrap().success());
    fs::rename(&lab.home, &renamed).unwrap();
    ran(lab.lab_sh("down").env("LAB_HOME", &copy)).succeeded();
    lab.home = renamed;
    assert!(!lab.left().is_empty(), "down in the copy stopped the lab");
    lab.down();
    assert_eq!(lab.left(), Vec::<String>::new());
}

#[test]
fn up_names_a_port_in_use_and_its_process_before_it_fetches_or_builds() {
    let lab = NativeLab::new();
    let port = 9095 + lab.offset;
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = lab.run("up");
    let message = format!("error: port {port}, required by guard, is in use by pid {} (", std::process::id());
    assert!(refused.code == 4 && refused.text.contains(&message), "{}: {}", refused.code, refused.text);
    assert!(!refused.text.contains("building the daemons"), "{}", refused.text);
    drop(listener);
}
