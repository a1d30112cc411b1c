//! The size and the packing of a scrape, how many label sets it may have, and the page that the declarations make.

#![allow(clippy::expect_used, reason = "a test helper fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use flate2::read::GzDecoder;
use metrics_core::Registry;
use metrics_core::exporter::Exporter;
use metrics_core::families::scenario::{PlannedScenario, ScenarioFamilies};
use testkit::{Scrape, eventually, http, secs, workspace};
use tokio_util::sync::CancellationToken;

/// Serves until the test ends.
fn serve(registry: Registry) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    tokio::spawn(Exporter::new(registry).serve(listener, CancellationToken::new()));
    addr
}

/// The head and the body of an answer, as bytes on the wire.
fn raw(addr: SocketAddr, accept_encoding: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(addr).expect("connected");
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: {accept_encoding}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end + 4..].to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_gzip_gets_the_same_page_packed() {
    let addr = serve(Registry::default());
    let (head, packed) = raw(addr, "deflate, gzip");
    assert!(
        head.contains("content-encoding: gzip") && head.contains("vary: accept, accept-encoding"),
        "{head}"
    );
    let mut unpacked = String::new();
    GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).expect("gzip");
    let (head, plain) = raw(addr, "identity");
    assert!(!head.contains("content-encoding"), "{head}");
    let names = |page: &str| Scrape::parse(page).names().into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(names(&unpacked), names(&String::from_utf8(plain).expect("text")));
    assert!(packed.len() * 4 < unpacked.len(), "{} of {} bytes", packed.len(), unpacked.len());
}

/// A label whose values never end neither fills the page nor goes unseen.
#[tokio::test(flavor = "multi_thread")]
async fn a_family_with_too_many_label_sets_is_cut_and_says_so() {
    let planned = |number: usize| PlannedScenario {
        name: format!("s{number}"),
        stabilization: Default::default(),
        testing: Default::default(),
        recovery: Default::default(),
    };
    let mut registry = Registry::default();
    let scenarios: Vec<_> = (0..2_100).map(planned).collect();
    let _families = ScenarioFamilies::register(&mut registry, &scenarios);
    let addr = serve(registry);
    let scrape = || Scrape::parse(&http::get(&format!("http://{addr}/metrics")).expect("answered").body);
    for _ in 0..2 {
        let page = scrape();
        assert_eq!(page.matching("scenario_phase", []).len(), 2_000);
        assert_eq!(page.value("scenario_phase", [("scenario", "s0")]), Some(0.0), "the first ones stay");
        // One too many is 100 of the phase, 3 phases' lengths, 4 phases' transitions, 4 statuses, each beyond 2000.
        let too_many = 2_100 * (1 + 3 + 4 + 4) - 4 * 2_000;
        assert_eq!(page.value("memcache_resilience_refused_label_sets", []), Some(f64::from(too_many)));
    }
    assert_eq!(
        Scrape::parse(
            &http::get(&format!("http://{}/metrics", serve(Registry::default()))).expect("answered").body
        )
        .value("memcache_resilience_refused_label_sets", []),
        Some(0.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runtime_that_serves_is_shown() {
    let addr = serve(Registry::default());
    let page = Scrape::parse(&http::get(&format!("http://{addr}/metrics")).expect("answered").body);
    let server = [("runtime", "server")];
    assert!(page.value("tokio_workers", server).expect("shown") >= 1.0);
    assert!(page.value("tokio_alive_tasks", server).expect("shown") >= 1.0, "the server itself is a task");
    let busy = || {
        let page = Scrape::parse(&http::get(&format!("http://{addr}/metrics")).expect("answered").body);
        page.value("tokio_worker_busy_seconds_total", server).expect("shown")
    };
    eventually("time spent on answering", secs(10), || busy() > 0.0);
    assert_eq!(page.value("tokio_workers", [("runtime", "load")]), None, "nobody said that there is one");
}

/// `just metrics-reference` writes the page.
#[test]
fn the_page_is_what_the_declarations_make() {
    let page = std::fs::read_to_string(workspace().join("docs/metrics.md")).expect("docs/metrics.md");
    assert!(
        page == metrics_core::reference::markdown(),
        "docs/metrics.md is old: run `just metrics-reference`"
    );
}
