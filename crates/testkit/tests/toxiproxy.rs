//! A real Toxiproxy shows the toxics that were added, and the fake in front of it misbehaves only on request.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use testkit::{FakeToxiproxy, Memcached, Misbehaviour, Rule, Toxiproxy, free_addr, http, secs};

const LATENCY: &str = r#"{"name": "slow", "type": "latency", "attributes": {"latency": 300}}"#;

fn version(addr: SocketAddr) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"version\r\n").unwrap();
    stream.set_read_timeout(Some(secs(10))).unwrap();
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn toxics_have_an_effect_and_are_read_back() {
    let memcached = Memcached::start();
    let toxiproxy = Toxiproxy::start_with([("node", memcached.addr())]);
    assert!(version(toxiproxy.listen("node")).starts_with("VERSION"));
    toxiproxy.add_toxic("node", LATENCY);
    assert_eq!(toxiproxy.toxics("node")[0]["attributes"]["latency"], 300);
    assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
    let begin = Instant::now();
    version(toxiproxy.listen("node"));
    assert!(begin.elapsed().as_millis() >= 290);
    toxiproxy.delete_toxic("node", "slow");
    assert!(toxiproxy.toxic_names().is_empty());
}

#[test]
fn a_restart_keeps_proxies_and_drops_toxics() {
    let memcached = Memcached::start();
    let toxiproxy = Toxiproxy::start_with([("a", memcached.addr()), ("b", memcached.addr())]);
    let (url, listen) = (toxiproxy.url(), toxiproxy.listen("a"));
    toxiproxy.add_proxy("later", free_addr(), memcached.addr());
    toxiproxy.add_toxic("a", LATENCY);
    toxiproxy.restart();
    assert_eq!((toxiproxy.url(), toxiproxy.listen("a")), (url, listen));
    assert_eq!(toxiproxy.proxies().as_object().unwrap().len(), 2);
    assert!(toxiproxy.toxic_names().is_empty());
    assert!(version(listen).starts_with("VERSION"));
}

#[test]
fn a_disabled_proxy_refuses_connections() {
    let memcached = Memcached::start();
    let toxiproxy = Toxiproxy::start_with([("node", memcached.addr())]);
    toxiproxy.enable("node", false);
    assert!(TcpStream::connect(toxiproxy.listen("node")).is_err());
    toxiproxy.enable("node", true);
    assert!(version(toxiproxy.listen("node")).starts_with("VERSION"));
}

fn fake_in_front() -> (Toxiproxy, FakeToxiproxy) {
    let toxiproxy = Toxiproxy::start_with([("node", free_addr())]);
    let fake = FakeToxiproxy::before(&toxiproxy);
    (toxiproxy, fake)
}

fn post(fake: &FakeToxiproxy) -> std::io::Result<http::Response> {
    http::request("POST", &format!("{}/proxies/node/toxics", fake.url()), &[], LATENCY)
}

fn delete(fake: &FakeToxiproxy) -> u16 {
    http::request("DELETE", &format!("{}/proxies/node/toxics/slow", fake.url()), &[], "").unwrap().status
}

#[test]
fn the_fake_passes_on_what_no_rule_catches() {
    let (toxiproxy, fake) = fake_in_front();
    assert_eq!(post(&fake).unwrap().status, 200);
    assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
    assert_eq!(http::get(&format!("{}/proxies/none", fake.url())).unwrap().status, 404);
    assert_eq!(delete(&fake), 204);
    assert!(toxiproxy.toxic_names().is_empty());
    assert_eq!(fake.requests()[1..], ["GET /proxies/none", "DELETE /proxies/node/toxics/slow"]);
}

#[test]
fn the_fake_holds_the_answer_after_the_change_is_made() {
    let (toxiproxy, fake) = fake_in_front();
    let trap = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::HoldAnswer);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| post(&fake));
        trap.wait_caught(secs(10));
        assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
        assert!(!caller.is_finished());
        trap.release();
        assert_eq!(caller.join().unwrap().unwrap().status, 200);
    });
}

#[test]
fn the_fake_holds_a_request_back() {
    let (toxiproxy, fake) = fake_in_front();
    let trap = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::HoldRequest);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| post(&fake));
        trap.wait_caught(secs(10));
        assert!(toxiproxy.toxic_names().is_empty());
        trap.release();
        assert_eq!(caller.join().unwrap().unwrap().status, 200);
    });
    assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
}

#[test]
fn the_fake_refuses_the_second_removal_only() {
    let (toxiproxy, fake) = fake_in_front();
    let trap = fake.misbehave(Rule::on("DELETE", "/toxics").nth(2), Misbehaviour::Refuse(503));
    for (expected, left) in [(204, 0), (503, 1), (204, 0)] {
        if toxiproxy.toxic_names().is_empty() {
            post(&fake).unwrap();
        }
        assert_eq!(delete(&fake), expected);
        assert_eq!(toxiproxy.toxic_names().len(), left);
    }
    assert_eq!(trap.caught(), 1);
}

#[test]
fn the_fake_misreports_and_hangs_up() {
    let (toxiproxy, fake) = fake_in_front();
    fake.misbehave(Rule::on("POST", "/toxics").nth(1), Misbehaviour::Misreport(500));
    fake.misbehave(Rule::on("POST", "/toxics").nth(2), Misbehaviour::Hangup);
    assert_eq!(post(&fake).unwrap().status, 500);
    assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
    toxiproxy.delete_toxic("node", "slow");
    assert!(post(&fake).is_err());
    assert_eq!(toxiproxy.toxic_names(), ["node/slow"]);
}

#[test]
fn the_fake_holds_its_lock_until_it_is_released() {
    let (_toxiproxy, fake) = fake_in_front();
    let wedge = fake.misbehave(Rule::on("DELETE", "/toxics"), Misbehaviour::Wedge);
    assert_eq!(post(&fake).unwrap().status, 200, "it is not wedged yet");
    let calls = std::thread::scope(|scope| {
        let first = scope.spawn(|| delete(&fake));
        wedge.wait_caught(secs(5));
        let second = scope.spawn(|| http::get(&format!("{}/proxies", fake.url())).unwrap().status);
        testkit::eventually("the second call", secs(5), || wedge.caught() == 2);
        wedge.release();
        (first.join().unwrap(), second.join().unwrap())
    });
    assert_eq!(calls, (204, 200));
}

#[test]
fn the_fake_is_slow_and_refuses_from_the_second_request_on() {
    let (_toxiproxy, fake) = fake_in_front();
    let pause = std::time::Duration::from_millis(300);
    let slow = fake.misbehave(Rule::on("GET", "/proxies"), Misbehaviour::Slow(pause));
    let start = std::time::Instant::now();
    http::get(&format!("{}/proxies", fake.url())).unwrap();
    assert!(start.elapsed() >= pause && slow.caught() == 1);
    fake.misbehave(Rule::on("POST", "/toxics").from(2), Misbehaviour::Refuse(500));
    let statuses = [(); 3].map(|()| post(&fake).unwrap().status);
    // Toxiproxy would have answered the second one with a conflict.
    assert_eq!(statuses, [200, 500, 500]);
}

#[test]
fn a_paused_toxiproxy_answers_once_resumed() {
    let toxiproxy = Toxiproxy::start();
    toxiproxy.pause();
    let mut stream = TcpStream::connect(toxiproxy.url().trim_start_matches("http://")).unwrap();
    stream.write_all(b"GET /proxies HTTP/1.0\r\n\r\n").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(stream.read(&mut [0; 64]).is_err());
    toxiproxy.resume();
    stream.set_read_timeout(Some(secs(10))).unwrap();
    assert!(stream.read(&mut [0; 64]).unwrap() > 0);
}
