//! Walks on a real Toxiproxy, read back past scenariod in every phase.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use testkit::{FakeToxiproxy, Lab, Misbehaviour, Rule, eventually, secs};

use crate::harness::{DEADLINE, await_phase, clean_exit, nameless, ours, start};

#[test]
fn toxics_are_there_in_testing_and_nowhere_else() {
    let lab = Lab::start(2);
    let daemon = start(&lab, "long", &[]);
    await_phase(&daemon, "long", 1);
    assert_eq!(lab.toxiproxy.toxic_names(), Vec::<String>::new());
    await_phase(&daemon, "long", 2);
    daemon.scrape_until("the fault shown as on", secs(5), |scrape| {
        scrape.value("toxiproxy_toxic_active", [("server", "memcached1"), ("type", "packet_loss")])
            == Some(1.0)
    });
    let latency = |latency: i64, jitter: i64| {
        json!({
            "type": "latency", "stream": "downstream", "toxicity": 1,
            "attributes": { "latency": latency, "jitter": jitter }
        })
    };
    // In this order, or the first stages would have nothing to part.
    let mut chain = vec![latency(-4, 5)];
    chain.extend((0..9).map(|_| latency(0, 0)));
    chain.extend([latency(213, 0), latency(-1664, 2080)]);
    let toxics: Vec<_> = lab.toxiproxy.toxics("memcached1").iter().map(nameless).collect();
    assert_eq!(toxics, chain);
    assert_eq!(lab.toxiproxy.toxics("memcached2"), Vec::<serde_json::Value>::new());
    let config = |param| {
        let labels = [("server", "memcached1"), ("type", "packet_loss"), ("param", param)];
        daemon.scrape().value("toxiproxy_toxic_config", labels)
    };
    assert_eq!(
        [config("loss_rate"), config("toxics"), config("latency_ms"), config("retransmit_ms")],
        [Some(0.1), Some(12.0), Some(-4.0), Some(213.0)]
    );
    await_phase(&daemon, "long", 3);
    assert_eq!(lab.toxiproxy.toxic_names(), Vec::<String>::new());
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(
        daemon.stdout(),
        "scenario  runs  success  failed  inconclusive  aborted\nlong         1        1       0             0        0\n"
    );
}

#[test]
fn testing_is_announced_before_the_first_post() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    let held = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::HoldRequest);
    let daemon = start(&lab, "slow", &["--toxiproxy", &fake.url()]);
    held.wait_caught(secs(10));
    let scrape = daemon.scrape();
    assert_eq!(scrape.value("scenario_phase", [("scenario", "slow")]), Some(2.0));
    assert_eq!(scrape.matching("scenario_phase_start_timestamp_seconds", [("phase", "testing")]).len(), 1);
    assert_eq!(scrape.value("toxiproxy_toxic_active", [("server", "memcached1")]), Some(0.0));
    held.release();
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
}

#[test]
fn proxies_are_made_only_where_they_are_missing() {
    let lab = Lab::start_without_proxies(2);
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert!(daemon.stderr().contains("created proxy memcached2: "), "{}", daemon.stderr());
    // The proxy leads to the node.
    let mut stream = TcpStream::connect(lab.toxiproxy.listen("memcached2")).unwrap();
    stream.set_read_timeout(Some(secs(5))).unwrap();
    stream.write_all(b"version\r\n").unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"VERSION");
    let before = lab.toxiproxy.proxies();
    let daemon = start(&lab, "slow", &[]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    assert_eq!(lab.toxiproxy.proxies(), before);
    assert!(!daemon.stderr().contains("created"), "{}", daemon.stderr());
}

#[test]
fn it_stays_for_two_scrapes_after_the_last_phase() {
    let lab = Lab::start(1);
    let daemon = start(&lab, "slow", &["--linger", "30s"]);
    daemon.scrape_until("the end of the run", secs(10), |scrape| {
        scrape.value("scenario_runs_total", [("status", "success")]) == Some(1.0)
    });
    let shown = daemon.scrape();
    assert_eq!(shown.value("scenario_phase", [("scenario", "slow")]), Some(0.0));
    assert_eq!(shown.matching("scenario_phase_end_timestamp_seconds", [("phase", "recovery")]).len(), 1);
    // At most one further scrape ends it, long before the limit.
    eventually("the end of the daemon", secs(10), || {
        daemon.has_exited() || TcpStream::connect(lab.scenariod_addr).is_err() || {
            scrape_once(&lab);
            false
        }
    });
    assert_eq!(daemon.wait_exit(DEADLINE), 0);
    assert_eq!(ours(&lab.toxiproxy), Vec::<String>::new());
}

fn scrape_once(lab: &Lab) {
    // It may end in between: then there is nothing to scrape.
    let _ = testkit::http::get(&format!("http://{}/metrics", lab.scenariod_addr));
}
