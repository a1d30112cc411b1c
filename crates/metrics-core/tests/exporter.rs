//! The metrics server as its readers see it: over HTTP, in both formats, held against promtool.

#![allow(clippy::expect_used, reason = "a test helper fails by panicking")]

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use metrics_core::Registry;
use metrics_core::exporter::Exporter;
use metrics_core::families::client::{
    BreakerView, ClientFamilies, ClientState, FinishedOperation, LoadView, PoolView,
};
use metrics_core::families::declared;
use metrics_core::families::host::HostFamilies;
use metrics_core::families::node::{NodeFamilies, NodeReading};
use metrics_core::families::scenario::{PlannedScenario, ScenarioFamilies};
use metrics_core::families::toxiproxy::{KnownFault, ToxiproxyFamilies};
use metrics_core::families::verdict::{NodeTimes, RunFindings, VerdictFamilies};
use metrics_core::labels::{
    ApiMethod, BreakerState, CloseReason, CorruptKind, ErrorType, FaultType, Finding, Operation, Phase,
    RunStatus,
};
use testkit::{Scrape, http, program};
use tokio_util::sync::CancellationToken;

const OPEN_METRICS: (&str, &str) = ("Accept", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");

#[derive(Debug)]
struct Fixed;

impl ClientState for Fixed {
    fn breaker(&self, _: usize) -> BreakerView {
        let mut transitions = [[0; 3]; 3];
        transitions[0][2] = 4;
        BreakerView {
            state: BreakerState::Open,
            requests: 7,
            failures: 5,
            consecutive_failures: 3,
            changed_at: Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1500)),
            transitions,
        }
    }
    fn pool(&self, _: usize) -> PoolView {
        PoolView { total: 10, active: 4 }
    }
    fn load(&self) -> LoadView {
        LoadView { target_rate: 3000.0, workers: 100, queue_depth: 2 }
    }
}

struct TestServer {
    base: String,
    shutdown: CancellationToken,
    client: Arc<ClientFamilies>,
    nodes: Arc<NodeFamilies>,
    scenario: Arc<ScenarioFamilies>,
    toxiproxy: Arc<ToxiproxyFamilies>,
    verdict: Arc<VerdictFamilies>,
    readiness: metrics_core::exporter::Readiness,
    scrapes: tokio::sync::watch::Receiver<u64>,
}

impl TestServer {
    async fn start() -> TestServer {
        let mut registry = Registry::default();
        let client =
            ClientFamilies::register(&mut registry, &["n1".into(), "n2".into()], 2, &[], Arc::new(Fixed));
        let nodes = NodeFamilies::register(&mut registry, &["n1".into()], &[]);
        HostFamilies::register(&mut registry);
        let length = Duration::from_secs(1);
        let planned =
            PlannedScenario { name: "s".into(), stabilization: length, testing: length, recovery: length };
        let scenario = ScenarioFamilies::register(&mut registry, &[planned]);
        let known = KnownFault { server: "n1".into(), fault: FaultType::Latency, params: vec!["latency_ms"] };
        let toxiproxy = ToxiproxyFamilies::register(&mut registry, &[known]);
        let verdict = VerdictFamilies::register(&mut registry);
        let exporter = Exporter::new(registry);
        let (readiness, scrapes) = (exporter.readiness(), exporter.scrapes());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let shutdown = CancellationToken::new();
        tokio::spawn(exporter.serve(listener, shutdown.clone()));
        TestServer { base, shutdown, client, nodes, scenario, toxiproxy, verdict, readiness, scrapes }
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> http::Response {
        http::request("GET", &format!("{}{path}", self.base), headers, "").expect("answered")
    }

    fn scrape(&self) -> Scrape {
        Scrape::parse(&self.get("/metrics", &[]).body)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_reader_gets_its_format_and_promtool_accepts_the_classic_one() {
    let served = TestServer::start().await;
    let open = served.get("/metrics", &[OPEN_METRICS]);
    assert_eq!(open.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(open.body.ends_with("# EOF\n"));
    assert!(open.body.contains("# TYPE memcache_operations counter\n"));

    let classic = served.get("/metrics", &[]);
    assert_eq!(classic.content_type, "text/plain; version=0.0.4; charset=utf-8");
    assert!(classic.body.contains("# TYPE memcache_operations_total counter\n"));
    assert!(!classic.body.contains("# EOF"));
    let endless = Scrape::parse(&classic.body);
    let lateness = endless.value("memcache_operation_start_lateness_seconds_bucket", [("le", "+Inf")]);
    assert_eq!(lateness, Some(0.0), "a histogram without its last bucket has no quantiles");

    let mut promtool = Command::new(program("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool starts");
    promtool.stdin.take().expect("piped").write_all(classic.body.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_declared_family_is_served() {
    let served = TestServer::start().await;
    served.scenario.run_started("s", "r1");
    served.scenario.enter(Phase::Stabilization, SystemTime::now());
    served.scenario.run_finished(RunStatus::Success, SystemTime::now());
    // What was never judged has no series.
    let times = NodeTimes { detect: Some(Duration::ZERO), recover: Some(Duration::ZERO) };
    let findings = vec![("e".into(), Some(Finding::Pass))];
    served.verdict.record("s", RunFindings { findings, times: vec![("n1".into(), times)] });
    // A figure that the node does not report has no series.
    let figure = Some(1.0);
    served.nodes.set(
        0,
        Some(NodeReading {
            uptime: figure,
            user_cpu: figure,
            system_cpu: figure,
            threads: figure,
            connections: figure,
            connections_made: figure,
            max_connections: figure,
            rejected: figure,
            evicted: figure,
            bytes: figure,
            limit: figure,
        }),
    );
    let body = served.get("/metrics", &[]).body;
    let page = Scrape::parse(&body);
    for family in declared() {
        assert!(
            body.contains(&format!("# TYPE {} ", family.name)),
            "{} is declared and not served",
            family.name
        );
        // The name alone is there even of a family without series.
        let sample = ["", "_count"].map(|end| format!("{}{end}", family.name));
        let shown = page.samples().iter().any(|shown| sample.contains(&shown.name));
        assert!(shown, "{} is served without a series", family.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_add_up_and_gauges_follow_the_state() {
    let served = TestServer::start().await;
    let shards = [0, 1].map(|index| served.client.shard(index).expect("two shards"));
    let finished = |outcome| FinishedOperation {
        server: 1,
        operation: Operation::Get,
        outcome,
        latency: Duration::from_millis(150),
        service: Some(Duration::from_micros(80)),
    };
    for shard in &shards {
        shard.started(1);
        shard.finished(&finished(Ok(())));
        shard.started(1);
        shard.finished(&finished(Err(ErrorType::Timeout)));
        shard.started(1);
        shard.hit(1);
        shard.miss(1);
        shard.corrupt(1, CorruptKind::Torn);
        shard.connection_created(1);
        shard.connection_closed(1, CloseReason::Timeout);
        shard.breaker_rejected(1);
        shard.acquire_failed(1);
        shard.acquired(1, Duration::from_millis(1));
        shard.started_late(Duration::from_millis(1));
        shard.dropped(1);
    }
    let scrape = served.scrape();
    let n2 = ("server", "n2");
    let value =
        |name: &str, labels: &[(&'static str, &'static str)]| scrape.value(name, labels.iter().copied());
    assert_eq!(
        value("memcache_operations_total", &[n2, ("operation", "get"), ("status", "success")]),
        Some(2.0)
    );
    assert_eq!(
        value("memcache_operations_total", &[n2, ("operation", "get"), ("status", "failed")]),
        Some(2.0)
    );
    assert_eq!(
        value("memcache_operations_total", &[("server", "n1"), ("operation", "set"), ("status", "failed")]),
        Some(0.0)
    );
    assert_eq!(value("memcache_operation_errors_total", &[n2, ("type", "timeout")]), Some(2.0));
    assert_eq!(value("memcache_operation_duration_seconds_count", &[n2, ("operation", "get")]), Some(4.0));
    assert_eq!(
        value("memcache_operation_duration_seconds_bucket", &[n2, ("operation", "get"), ("le", "0.1")]),
        Some(0.0)
    );
    assert_eq!(
        value("memcache_operation_duration_seconds_bucket", &[n2, ("operation", "get"), ("le", "0.2")]),
        Some(4.0)
    );
    assert_eq!(
        value("memcache_operation_service_seconds_bucket", &[n2, ("operation", "get"), ("le", "0.0001")]),
        Some(4.0)
    );
    assert_eq!(value("memcache_operations_in_flight", &[n2]), Some(2.0));
    assert_eq!(value("memcache_corrupt_reads_total", &[n2, ("kind", "torn")]), Some(2.0));
    assert_eq!(value("memcache_pool_connections_closed_total", &[n2, ("reason", "timeout")]), Some(2.0));
    assert_eq!(value("memcache_pool_connections", &[n2, ("state", "idle")]), Some(6.0));
    assert_eq!(value("memcache_circuit_breaker_state", &[n2]), Some(2.0));
    assert_eq!(
        value("memcache_circuit_breaker_transitions_total", &[n2, ("from", "closed"), ("to", "open")]),
        Some(4.0)
    );
    assert_eq!(value("memcache_circuit_breaker_state_change_timestamp_seconds", &[n2]), Some(1.5));
    assert_eq!(value("loadgen_operations_dropped_total", &[]), Some(2.0));
    let last_error = value("memcache_last_error_timestamp_seconds", &[n2]).expect("served");
    assert!(last_error > 1.7e9, "{last_error}");
    assert_eq!(served.client.totals().failed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn phases_follow_each_other_and_old_runs_go() {
    let served = TestServer::start().await;
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for run in 0..25u64 {
        served.scenario.run_started("s", &format!("r{run}"));
        assert_eq!(served.scrape().value("scenario_active", []), Some(1.0));
        for (index, phase) in [Phase::Stabilization, Phase::Testing, Phase::Recovery].into_iter().enumerate()
        {
            served.scenario.enter(phase, at(1000 + 10 * run + index as u64));
            assert_eq!(
                served.scrape().value("scenario_phase", [("scenario", "s")]),
                Some(index as f64 + 1.0)
            );
        }
        served.scenario.run_finished(RunStatus::Aborted, at(1003 + 10 * run));
    }
    let scrape = served.scrape();
    assert_eq!(scrape.value("scenario_phase", [("scenario", "s")]), Some(0.0));
    assert_eq!(scrape.value("scenario_active", []), Some(0.0));
    assert_eq!(scrape.value("scenario_runs_total", [("status", "aborted")]), Some(25.0));
    assert_eq!(scrape.value("scenario_phase_transitions_total", [("phase", "testing")]), Some(25.0));
    let testing = [("phase", "testing"), ("run", "r24")];
    assert_eq!(scrape.value("scenario_phase_start_timestamp_seconds", testing), Some(1241.0));
    assert_eq!(scrape.value("scenario_phase_end_timestamp_seconds", testing), Some(1242.0));
    assert_eq!(scrape.matching("scenario_phase_end_timestamp_seconds", [("phase", "testing")]).len(), 20);
    assert_eq!(scrape.value("scenario_phase_end_timestamp_seconds", [("run", "r4")]), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_shorter_than_a_scrape_still_shows() {
    let served = TestServer::start().await;
    let n1 = [("server", "n1"), ("type", "latency")];
    assert_eq!(served.scrape().value("toxiproxy_toxic_active", n1), Some(0.0));
    let on = Instant::now();
    served.toxiproxy.activated("n1", FaultType::Latency, &[("latency_ms", 200.0)], on);
    let during = served.scrape();
    assert_eq!(during.value("toxiproxy_toxic_active", n1), Some(1.0));
    assert_eq!(during.value("toxiproxy_toxic_config", [("param", "latency_ms")]), Some(200.0));
    served.toxiproxy.deactivated("n1", FaultType::Latency, on + Duration::from_millis(100));
    served.toxiproxy.api_call(ApiMethod::Post, Duration::from_millis(2), false);
    let after = served.scrape();
    assert_eq!(after.value("toxiproxy_toxic_active", n1), Some(0.0));
    assert_eq!(after.value("toxiproxy_toxic_config", [("param", "latency_ms")]), Some(0.0));
    assert_eq!(after.value("toxiproxy_toxic_activations_total", n1), Some(1.0));
    assert_eq!(after.value("toxiproxy_toxic_active_seconds_total", n1), Some(0.1));
    assert_eq!(after.value("toxiproxy_api_errors_total", [("method", "POST")]), Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_not_readiness_and_strangers_make_no_series() {
    let served = TestServer::start().await;
    assert_eq!(served.get("/health", &[]).status, 200);
    let starting = served.get("/ready", &[]);
    assert_eq!((starting.status, starting.body.as_str()), (503, "starting\n"));
    served.readiness.set_ready();
    assert_eq!(served.get("/ready", &[]).status, 200);
    for path in ["/a", "/b", "/metrics/c"] {
        assert_eq!(served.get(path, &[]).status, 404);
    }
    let scrape = served.scrape();
    assert_eq!(scrape.value("http_requests_total", [("path", "other"), ("status", "404")]), Some(3.0));
    assert_eq!(scrape.value("http_requests_in_flight", []), Some(1.0), "the scrape itself");
    assert_eq!(*served.scrapes.borrow(), 1);
    assert!(scrape.value("process_open_fds", []).expect("Linux") > 3.0);
    assert!(scrape.value("process_resident_memory_bytes", []).expect("Linux") > 1e6);
}
