//! Secrets of a URL and of a token file: used, and shown nowhere. Text of others: shown, and harmless.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use testkit::{Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, free_addr, secs};

use crate::harness::{clean_exit, command_line, guard, start};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn assert_no_secret(daemon: &Daemon) {
    let printed = daemon.stdout() + &daemon.stderr();
    assert!(!printed.contains("s3cret") && !printed.contains("t0ken"), "{printed}");
}

#[test]
fn secrets_of_a_toxiproxy_are_used_and_shown_nowhere() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let url = format!("{}/?key=t0ken", fake.url().replace("http://", "http://me:s3cret@"));
    let daemon = start(&lab, "slow", &["--toxiproxy", &url]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_no_secret(&daemon);
    assert!(fake.requests().iter().all(|request| request.contains("?key=t0ken")), "{:?}", fake.requests());
    let state = files(&lab.folder().join("state"));
    assert!(state.len() >= 2, "a journal and a claim: {state:?}");
    for path in state {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.display().to_string();
        assert!(
            !text.contains("s3cret") && !text.contains("t0ken") && !name.contains("s3cret"),
            "{name}: {text}"
        );
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    let guard = guard(&lab, &["--toxiproxy", &url]);
    guard.signal(testkit::Signal::TERM);
    guard.wait_exit(secs(10));
    assert_no_secret(&guard);
}

#[test]
fn commands_for_the_user_have_a_placeholder_for_the_password() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let url = fake.url().replace("http://", "http://me:s3cret@");
    fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Refuse(500));
    let daemon = start(&lab, "slow", &["--toxiproxy", &url]);
    assert_eq!(daemon.wait_exit(secs(60)), 5, "{}", daemon.stderr());
    assert_no_secret(&daemon);
    let stderr = daemon.stderr();
    assert!(
        stderr.contains(
            "; replace USER:PASSWORD with those of the URL:\n  curl -u USER:PASSWORD -X DELETE http://127"
        ),
        "{stderr}"
    );
}

#[test]
fn an_invalid_url_is_named_without_its_password() {
    let hint = "hint: `scenariod run --help` shows the usage";
    for (typed, shown) in [
        ("htp://me:s3cret@127.0.0.1:1", "htp://***@127.0.0.1:1"),
        ("me:s3cret@127.0.0.1:1", "***@127.0.0.1:1"),
        ("http://me:s3/cret@127.0.0.1:1", "http://***@127.0.0.1:1"),
        ("ftp://127.0.0.1/?key=t0ken", "ftp://127.0.0.1/?***"),
    ] {
        for flag in ["--toxiproxy", "--prometheus"] {
            command_line(&["--scenario", "smoke", flag, typed])
                .code(2)
                .stderr(format!(
                    "error: {flag} is `{shown}`: not a URL, write it like `http://127.0.0.1:8474`\n{hint}"
                ))
                .run();
        }
    }
}

#[test]
fn a_token_that_cannot_be_sent_is_refused_before_anything_is_asked() {
    let dry = ["--scenario", "latency-100ms", "--dry-run"];
    for (text, rule) in [
        ("t0ken\n# of staging\n", "it has 2 lines, must be one line with the token"),
        ("my t0ken\n", "it has a blank or a character that cannot be sent, must be the token only"),
    ] {
        command_line(&[&dry[..], &["--prometheus-token-file", "token"]].concat())
            .file("token", text)
            .code(2)
            .stderr(format!("error: invalid token in token: {rule}"))
            .run();
        command_line(&dry)
            .variable("LAB_PROMETHEUS_TOKEN", text)
            .code(2)
            .stderr(format!("error: invalid token in LAB_PROMETHEUS_TOKEN: {rule}"))
            .run();
    }
}

#[test]
fn a_toxiproxy_without_tls_is_named_in_plain_words() {
    let lab = Lab::start(1);
    let url = lab.toxiproxy.url().replace("http://", "https://");
    let daemon = start(&lab, "slow", &["--toxiproxy", &url]);
    assert_eq!(daemon.wait_exit(secs(20)), 4);
    let said = format!("GET {url}/proxies: it does not support TLS, use http://\n");
    assert!(daemon.stderr().contains(&said), "{}", daemon.stderr());
}

#[test]
fn text_of_a_file_cannot_control_the_terminal() {
    let scenario = |about: &str, expectation: &str| {
        format!(
            "family: mine\nphases: {{ stabilization: 5s, testing: 5s, recovery: 5s }}\nscenarios:\n  - name: one\n    about: {about}\n    \
             faults: [{{ target: memcached1, fault: latency, delay: 100ms }}]\n    expect:\n      - {{ name: {expectation}, phase: run, must: never, promql: up > bool 1 }}\n"
        )
    };
    for (text, line, code) in [
        (scenario("\"a\\a\"", "x"), 5, "0007"),
        (scenario("a \u{202e}b", "x"), 5, "202E"),
        (scenario("a \u{9b}2J", "x"), 5, "009B"),
        (scenario("a", "\"\\e]0;x\""), 8, "001B"),
        (scenario("a", "x\u{2066}"), 8, "2066"),
        (scenario("a", "x").replace("up > bool 1", "\"up{a='\\e[2J'} > bool 1\""), 8, "001B"),
    ] {
        command_line(&["check", "a.yaml"])
            .file("a.yaml", &text)
            .code(2)
            .stderr(format!("error: a.yaml:{line}: invalid text: it has the control character U+{code}"))
            .run();
    }
    // Words of the command line are shown as well.
    command_line(&["show", "a\u{1b}[2J\u{202e}"])
        .code(2)
        .stderr(
            "error: unknown scenario, family or playlist: a\\u001b[2J\\u202e\n\
             hint: `scenariod list` shows every scenario",
        )
        .run();
}

#[test]
fn text_of_a_server_cannot_control_the_terminal() {
    let lab = Lab::start(1);
    let listener = std::net::TcpListener::bind(free_addr()).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = std::io::Read::read(&mut stream, &mut [0; 4_096]);
            let body = "{\"error\": \"\\u001b[2J\u{202e}no\"}";
            let head =
                format!("HTTP/1.1 418 No\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = std::io::Write::write_all(&mut stream, (head + body).as_bytes());
        }
    });
    let daemon = start(&lab, "slow", &["--toxiproxy", &url]);
    assert_eq!(daemon.wait_exit(secs(20)), 4);
    let stderr = daemon.stderr();
    assert!(stderr.contains("418: \\u001b[2J\\u202eno"), "{stderr}");
    assert!(!stderr.contains(['\u{1b}', '\u{202e}']), "{stderr}");
}
