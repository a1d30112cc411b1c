//! A whole lab, and a Prometheus that scrapes.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use testkit::{Lab, Prometheus, secs};

/// Serves one metric on every path until the test's process ends.
fn exporter() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let body = "answers{to=\"everything\"} 42\n";
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    addr
}

#[test]
fn prometheus_scrapes_with_the_configuration_of_the_repository() {
    let target = exporter();
    let prometheus = Prometheus::start([("loadgen", target)]);
    let found = prometheus.wait_for("answers", secs(20), |series| !series.is_empty());
    assert_eq!(found[0].value(), 42.0);
    assert_eq!(found[0].labels["to"], "everything");
    assert_eq!(found[0].labels["job"], "loadgen");
    let now = found[0].points[0].0;
    let range = prometheus.query_range("answers", now - 5.0, now, secs(1));
    assert_eq!(range[0].value(), 42.0);
    assert_eq!(prometheus.label_values("to", "answers", now - 60.0, now + 1.0).unwrap(), ["everything"]);
    assert_eq!(prometheus.query("scalar(answers)")[0].value(), 42.0);
    assert!(prometheus.try_query("answers{", None).unwrap_err().0.contains("parse error"));
}

#[test]
#[should_panic(expected = "prometheus.yml does not have all of these jobs")]
fn an_unknown_job_is_refused() {
    Prometheus::start([("nobody", exporter())]);
}

#[test]
fn a_lab_file_names_the_proxies_and_their_nodes() {
    let lab = Lab::start(2);
    let shown = lab.toxiproxy.proxies();
    let file: serde_json::Value =
        serde_yaml::from_str(&std::fs::read_to_string(lab.config()).unwrap()).unwrap();
    for (index, name) in ["memcached1", "memcached2"].into_iter().enumerate() {
        let server = &file["servers"][index];
        assert_eq!(server["name"], name);
        assert_eq!(server["listen"], shown[name]["listen"]);
        assert_eq!(server["upstream"], shown[name]["upstream"]);
        assert_eq!(server["upstream"], lab.nodes[index].addr().to_string());
    }
    assert_eq!(file["servers"].as_array().unwrap().len(), 2);
    assert_eq!(file["scenariod"]["toxiproxy"], lab.toxiproxy.url());
    assert_eq!(file["client"]["op_timeout"], "500ms", "other keys are as shipped");
    lab.set("client.breaker.min_requests", 5);
    lab.set("client.op_timeout", "200ms");
    let file: serde_json::Value =
        serde_yaml::from_str(&std::fs::read_to_string(lab.config()).unwrap()).unwrap();
    assert_eq!(
        (&file["client"]["breaker"]["min_requests"], &file["client"]["op_timeout"]),
        (&5.into(), &"200ms".into())
    );
}

#[test]
fn a_lab_can_start_without_proxies() {
    assert!(Lab::start_without_proxies(1).toxiproxy.proxies().as_object().unwrap().is_empty());
}
