//! Another server answers in place of a Toxiproxy or a daemon: the error says so and quotes its answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use testkit::free_addr;

use crate::harness::command_line;

/// Gives this answer to whatever it is asked.
fn stranger(status: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    addr
}

#[test]
fn health_of_nobody_or_of_a_stranger_is_1_and_says_what_is_wrong_where() {
    let health = |addr: SocketAddr, wrong: &str| {
        let stderr = format!(
            "error: health check of {addr} failed: {wrong}\n\
             hint: is the daemon running? `--metrics-addr` sets another address"
        );
        command_line(&["health", "--metrics-addr", &addr.to_string()]).code(1).stderr(stderr).run();
    };
    health(free_addr(), "no answer: Connection refused (os error 111)");
    health(stranger("404 Not Found", ""), "GET /health returned 404");
    health(stranger("nonsense", ""), "not an HTTP server");
}

#[test]
fn a_server_that_is_not_a_toxiproxy_is_refused() {
    for (status, body, said) in [
        ("404 Not Found", "404 page not found\n", "404: 404 page not found"),
        ("200 OK", "<!DOCTYPE html>\n<html>\n", "200: <!DOCTYPE html>"),
        ("200 OK", "", "200: nothing"),
        ("302 Found", "", "302: nothing"),
    ] {
        let addr = stranger(status, body);
        let url = format!("http://{addr}");
        let wrong = format!("not a Toxiproxy: GET {url}/proxies: {said}");
        let hint = "hint: is the lab running? check with `just status`, start it with `just up`, or name another Toxiproxy with `--toxiproxy`";
        for clean in [&["clean", "--toxiproxy", &url][..], &["clean", "--dry-run", "--toxiproxy", &url]] {
            command_line(clean).code(4).stdout("").stderr(format!("error: {wrong}\n{hint}")).run();
        }
        let dry_run = ["--dry-run", "--no-verdict", "--scenario", "latency-1s", "--toxiproxy", &url];
        let refused = format!("error: latency-1s was not started: {wrong}\n{hint}");
        command_line(&dry_run).code(4).stdout("").stderr(refused).run();
    }
}
