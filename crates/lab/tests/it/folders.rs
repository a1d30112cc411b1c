//! The lab in folders with unusual names, and with addresses of IPv6.

use std::fs;

use crate::harness::NativeLab;

/// Characters that a shell, PATH or a URL treats specially.
const UNUSUAL: &str = "ü b'ä:$x";

#[test]
fn the_lab_works_in_a_folder_with_an_unusual_name() {
    let lab = NativeLab::in_folder(UNUSUAL);
    let text = lab.up();
    assert!(text.contains("next: run a scenario"), "{text}");
    assert!(!text.contains("export PATH"), "PATH cannot hold a folder with a colon: {text}");
    lab.run("status").succeeded();
    let logs = lab.run("logs").succeeded();
    assert!(logs.contains("loadgen"), "{logs}");
    let command = lab.home.join("bin/scenariod");
    let shown = crate::harness::ran(lab.command(&command).args(["show", "packet-loss-10"])).succeeded();
    assert!(shown.contains("packet-loss-10"), "{shown}");
    assert_eq!(lab.down(), "the lab is down\n");
    assert_eq!(lab.left(), Vec::<String>::new());
}

#[test]
fn the_lab_works_on_the_loopback_address_of_ipv6_with_nodes_of_other_names() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        testkit::skipped("the lab on [::1]", "this machine has no IPv6");
        return;
    }
    let lab = NativeLab::new();
    let file = lab.folder().join("lab.yaml");
    let shipped = fs::read_to_string(lab.checkout.join("config/lab.yaml")).unwrap();
    let text = shipped
        .lines()
        .map(|line| match line.split_once(" #") {
            Some((line, _)) => line,
            None => line,
        })
        .map(|line| quoted_ipv6(line).replace("name: memcached", "name: cache") + "\n")
        .collect::<String>();
    fs::write(&file, text).unwrap();
    let up = crate::harness::ran(lab.lab_sh("up").env("LAB_CONFIG", &file)).succeeded();
    assert!(up.contains(&format!("http://[::1]:{}", 9090 + lab.offset)), "{up}");
    assert!(up.contains("scenariod run packet-loss-10"), "{up}");
    lab.run("status").succeeded();
}

/// `127.0.0.1:80` as `"[::1]:80"`, also in a URL. YAML needs the quotes.
fn quoted_ipv6(line: &str) -> String {
    let is_end = |c: char| c == ',' || c.is_whitespace();
    let mut words = Vec::new();
    for word in line.split_inclusive(is_end) {
        let end = word.trim_end_matches(is_end);
        let rest = &word[end.len()..];
        words.push(match end.contains("127.0.0.1:") {
            true => format!("\"{}\"{rest}", end.replace("127.0.0.1", "[::1]")),
            false => word.to_owned(),
        });
    }
    words.concat()
}
