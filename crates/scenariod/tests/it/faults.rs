//! Every fault on a real Toxiproxy: what it puts on, that it comes off, and what a server without it gets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Daemon, FakeToxiproxy, Lab, Misbehaviour, Rule, Signal, eventually, secs};

use crate::harness::{await_phase, clean_exit, nameless, ours, start_file};

/// Starts a scenario called `mine` with this fault on the first node.
#[track_caller]
fn start(lab: &Lab, fault: &str, args: &[&str]) -> Daemon {
    let text = format!(
        "family: own\nphases: {{ stabilization: 50ms, testing: 1s, recovery: 50ms }}\nscenarios:\n  \
         - {{ name: mine, about: x, faults: [{{ target: memcached1, {fault} }}] }}\n"
    );
    start_file(lab, "mine", &text, args)
}

#[test]
fn each_fault_is_its_toxic_and_comes_off() {
    let cases = [
        ("fault: blackhole", json!({ "type": "timeout", "attributes": { "timeout": 0 } })),
        ("fault: stall", json!({ "type": "bandwidth", "attributes": { "rate": 0 } })),
        ("fault: timeout, after: 2s", json!({ "type": "timeout", "attributes": { "timeout": 2000 } })),
        ("fault: reset", json!({ "type": "reset_peer", "attributes": { "timeout": 0 } })),
        ("fault: bandwidth, rate: 9", json!({ "type": "bandwidth", "attributes": { "rate": 9 } })),
        ("fault: slow_close, delay: 1s", json!({ "type": "slow_close", "attributes": { "delay": 1000 } })),
        (
            "fault: slicer, size: 8, variation: 2, delay: 1ms",
            json!({ "type": "slicer", "attributes": { "average_size": 8, "size_variation": 2, "delay": 1000 } }),
        ),
        ("fault: limit_data, bytes: 7", json!({ "type": "limit_data", "attributes": { "bytes": 7 } })),
    ];
    let lab = Lab::start(1);
    for (fault, mut expected) in cases {
        let daemon = start(&lab, &format!("{fault}, direction: requests, share: 0.5"), &[]);
        eventually("the toxic", secs(10), || ours(&lab.toxiproxy).len() == 1);
        expected["stream"] = json!("upstream");
        expected["toxicity"] = json!(0.5);
        assert_eq!(nameless(&lab.toxiproxy.toxics("memcached1")[0]), expected, "{fault}");
        assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{fault}\n{}", daemon.stderr());
    }
}

/// Whether the node answers through its proxy.
fn answers(lab: &Lab) -> bool {
    let ask = || -> std::io::Result<()> {
        let mut stream = TcpStream::connect(lab.toxiproxy.listen("memcached1"))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"version\r\n")?;
        stream.read_exact(&mut [0; 7])
    };
    ask().is_ok()
}

fn enabled(lab: &Lab) -> bool {
    lab.toxiproxy.proxy("memcached1")["enabled"] == Value::Bool(true)
}

#[test]
fn down_closes_the_proxy_below_a_marker_and_opens_it_again() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let daemon = start(&lab, "fault: down", &["--toxiproxy", &fake.url()]);
    eventually("a closed proxy", secs(10), || !enabled(&lab));
    assert_eq!(ours(&lab.toxiproxy).len(), 1, "a disabled proxy without a marker would be nobody's");
    assert!(!answers(&lab));
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(enabled(&lab) && answers(&lab));
    let writes: Vec<String> =
        fake.requests().into_iter().filter(|request| !request.starts_with("GET")).collect();
    let kinds: Vec<&str> = writes
        .iter()
        .map(|request| match request.split_whitespace().collect::<Vec<_>>()[..2] {
            ["POST", "/proxies/memcached1/toxics"] => "mark",
            ["POST", "/proxies/memcached1"] => "power",
            ["DELETE", _] => "unmark",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["mark", "power", "power", "unmark"], "{writes:?}");
}

#[test]
fn a_proxy_that_cannot_be_opened_keeps_its_marker_and_ends_with_5() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let daemon = start(&lab, "fault: down", &["--toxiproxy", &fake.url()]);
    eventually("a closed proxy", secs(10), || !enabled(&lab));
    fake.misbehave(Rule::on("POST", "/proxies/memcached1"), Misbehaviour::Refuse(503));
    assert_eq!(daemon.wait_exit(secs(40)), 5, "{}", daemon.stderr());
    assert!(!enabled(&lab));
    let left = ours(&lab.toxiproxy);
    assert_eq!(left.len(), 1, "the marker says whose the disabled proxy is");
    let enable = format!("curl -X POST -d '{{\"enabled\":true}}' {}/proxies/memcached1\n", fake.url());
    assert!(daemon.stderr().contains(&enable), "{}", daemon.stderr());
}

#[test]
fn an_overdue_marker_is_opened_and_a_disabled_proxy_without_one_is_not() {
    let lab = Lab::start(1);
    let marker = r#"{"name":"rl.dead.0.1000","type":"latency","toxicity":0,"attributes":{"latency":0}}"#;
    lab.toxiproxy.add_toxic("memcached1", marker);
    lab.toxiproxy.enable("memcached1", false);
    let daemon = start(&lab, "fault: latency, delay: 1ms", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(enabled(&lab));

    lab.toxiproxy.enable("memcached1", false);
    let foreign = start(&lab, "fault: down", &[]);
    assert_eq!(clean_exit(&foreign, &lab.toxiproxy), 4, "{}", foreign.stderr());
    assert!(!enabled(&lab));
}

#[test]
fn a_signal_while_down_opens_the_proxy() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "fault: down", &["--time-scale", "10"]);
    await_phase(&daemon, "mine", 2);
    eventually("a closed proxy", secs(10), || !enabled(&lab));
    daemon.signal(Signal::INT);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 130, "{}", daemon.stderr());
    assert!(enabled(&lab));
}

#[test]
fn a_fault_that_the_server_lacks_is_refused() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "fault: stream_corruption, rate: 0.1", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 4, "{}", daemon.stderr());
    let expected = "error: mine was not injected: this toxiproxy has no toxic for stream_corruption\n\
                    hint: a newer Toxiproxy may have it\n";
    assert!(daemon.stderr().ends_with(expected), "{}", daemon.stderr());
}

#[test]
fn a_fault_that_the_server_has_is_put_on_as_it_is_spelt_there() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    fake.add_type("packet_loss");
    let daemon = start(
        &lab,
        "fault: stream_corruption, rate: 0.1, direction: requests",
        &["--toxiproxy", &fake.url()],
    );
    await_phase(&daemon, "mine", 2);
    eventually("the toxic", secs(10), || ours(&lab.toxiproxy).len() == 1);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    let asked = fake
        .requests()
        .into_iter()
        .find_map(|request| request.strip_prefix("POST /proxies/memcached1/toxics ").map(str::to_owned));
    let asked: Value = serde_json::from_str(&asked.unwrap()).unwrap();
    assert_eq!(
        nameless(&asked),
        json!({ "type": "packet_loss", "stream": "upstream", "toxicity": 1.0, "attributes": { "loss_rate": 0.1 } })
    );
}

/// Starts a scenario of three seconds of testing with this shape of a latency of 100 ms.
#[track_caller]
fn shaped(lab: &Lab, shape: &str, args: &[&str]) -> Daemon {
    let text = format!(
        "family: own\nphases: {{ stabilization: 50ms, testing: 3s, recovery: 50ms }}\nscenarios:\n  \
         - {{ name: mine, about: x, faults: [{{ target: memcached1, fault: latency, delay: 100ms, shape: {{ {shape} }} }}] }}\n"
    );
    start_file(lab, "mine", &text, args)
}

/// The toxics' delays that were asked for, and the removals, in order.
fn asked(fake: &FakeToxiproxy) -> Vec<String> {
    let word = |request: &String| request.split_whitespace().next().unwrap_or_default().to_owned();
    fake.requests().iter().filter(|request| !request.starts_with("GET")).map(word).collect()
}

#[test]
fn a_flap_comes_and_goes_and_a_ramp_changes_in_place() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let daemon = shaped(&lab, "flap: { on: 1s, off: 1s }", &["--toxiproxy", &fake.url()]);
    eventually("the toxic", secs(10), || ours(&lab.toxiproxy).len() == 1);
    eventually("no toxic", secs(10), || ours(&lab.toxiproxy).is_empty());
    eventually("the toxic again", secs(10), || ours(&lab.toxiproxy).len() == 1);
    // Shown once it is read back.
    daemon.scrape_until("the second time to be counted", secs(10), |page| {
        page.sum("toxiproxy_toxic_activations_total", [("type", "latency")]) == 2.0
    });
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(asked(&fake), ["POST", "DELETE", "POST", "DELETE"]);

    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let ramp = "ramp: { from: 0.1, to: 1, steps: 3 }";
    let daemon = shaped(&lab, ramp, &["--toxiproxy", &fake.url()]);
    for delay in [10, 55, 100] {
        eventually(&format!("a delay of {delay} ms"), secs(10), || {
            let toxics = lab.toxiproxy.toxics("memcached1");
            toxics.len() == 1 && toxics[0]["attributes"]["latency"] == json!(delay)
        });
    }
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(asked(&fake), ["POST", "POST", "POST", "DELETE"]);
}

#[test]
fn a_toxic_that_somebody_took_off_is_not_put_on_again() {
    let lab = Lab::start(1);
    let daemon = shaped(&lab, "ramp: { from: 0.1, to: 1, steps: 2 }", &[]);
    eventually("the toxic", secs(10), || ours(&lab.toxiproxy).len() == 1);
    let name = ours(&lab.toxiproxy)[0].strip_prefix("memcached1/").unwrap().to_owned();
    daemon.scrape_until("the reading back", secs(10), |scrape| {
        scrape.value("toxiproxy_api_request_duration_seconds_count", [("method", "GET")]) >= Some(3.0)
    });
    lab.toxiproxy.delete_toxic("memcached1", &name);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 3, "{}", daemon.stderr());
    assert!(daemon.stderr().contains("mine is inconclusive: an injected fault did not stay on"));
    assert_eq!(daemon.stderr().matches("did not stay on").count(), 1, "{}", daemon.stderr());
}
