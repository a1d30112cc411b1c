//! Clocks that do not agree, and what a dry run tells of the verdict that a run would have: a Prometheus whose clock can
//! be set stands before a real one.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use testkit::{FakeToxiproxy, Lab, Prometheus, eventually, secs, workspace_bin};

use crate::harness::{DEADLINE, await_phase, clean_exit, start, start_file};

/// Passes every question on but the one for the time.
struct Skewed {
    addr: SocketAddr,
    /// Seconds.
    ahead: Arc<AtomicI32>,
    told: Arc<AtomicUsize>,
}

impl Skewed {
    fn before(prometheus: &Prometheus) -> Skewed {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (addr, url) = (listener.local_addr().unwrap(), prometheus.url());
        let (ahead, told) = (Arc::<AtomicI32>::default(), Arc::<AtomicUsize>::default());
        let (clock, count) = (Arc::clone(&ahead), Arc::clone(&told));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever went away is not waited for.
                let _ = answer(stream, &url, &clock, &count);
            }
        });
        Skewed { addr, ahead, told }
    }

    fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    fn set(&self, ahead: i32) {
        self.ahead.store(ahead, Ordering::SeqCst);
    }

    #[track_caller]
    fn await_told(&self, count: usize) {
        eventually("a look at the clock", secs(20), || self.told.load(Ordering::SeqCst) >= count);
    }
}

fn answer(mut stream: TcpStream, url: &str, ahead: &AtomicI32, told: &AtomicUsize) -> std::io::Result<()> {
    stream.set_read_timeout(Some(secs(5)))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap();
    let (status, body) = if path.contains("query=time%28%29") {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        let theirs = now + f64::from(ahead.load(Ordering::SeqCst));
        told.fetch_add(1, Ordering::SeqCst);
        let data = json!({ "resultType": "scalar", "result": [theirs, theirs.to_string()] });
        (200, json!({ "status": "success", "data": data }).to_string())
    } else {
        let answer = testkit::http::get(&format!("{url}{path}"))?;
        (answer.status, answer.body)
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Its phases are too short for its queries, at any time scale up to 1.
const HURRIED: &str = r#"
family: hurried-ones
phases: { stabilization: 300ms, testing: 600ms, recovery: 600ms }
scenarios:
  - name: hurried
    about: one node is slow for a moment
    faults: [{ target: memcached1, fault: latency, delay: 1s }]
    expect:
      - name: the fault has an effect
        judges: fault
        phase: testing
        must: { compare: { at_most: 0.1 } }
        promql: sum by (server) (rate(memcache_operation_service_seconds_bucket{le="0.1", server=~"$targets"}[5s]))
      - name: other nodes stay clean
        phase: testing
        must: always
        promql: server:memcache_error_ratio:rate5s{server=~"$others"} < bool 0.01
"#;

#[test]
fn clocks_that_do_not_agree_leave_no_verdict_and_a_dry_run_says_so_before() {
    let lab = Lab::start(1);
    let prometheus = Prometheus::start_every(Duration::from_millis(250), [("loadgen", lab.loadgen_addr)]);
    let loadgen = lab.loadgen(workspace_bin("loadgen"), ["--concurrency", "4", "--rate", "200"]);
    prometheus.wait_for("memcache_hits_total offset 2s", secs(20), |series| !series.is_empty());
    let skewed = Skewed::before(&prometheus);
    let url = skewed.url();

    let sound = start(&lab, "long", &["--prometheus", &url, "--json"]);
    assert_eq!(clean_exit(&sound, &lab.toxiproxy), 0, "{}", sound.stderr());
    // A success of which nothing was asked says so.
    let record: serde_json::Value = serde_json::from_str(&sound.stdout()).unwrap();
    let unjudged = "it has no expectations, so nothing was judged";
    assert_eq!(record["runs"][0]["note"], unjudged, "{record:#}");
    let end = format!(": success: all phases completed, no toxic is left; {unjudged}\n");
    assert!(sound.stderr().ends_with(&end), "{}", sound.stderr());

    // Wrong while the fault comes off, and right again at the end.
    let run = start(&lab, "long", &["--prometheus", &url]);
    let looks = skewed.told.load(Ordering::SeqCst);
    skewed.await_told(looks + 2);
    skewed.set(3_600);
    skewed.await_told(looks + 3);
    skewed.set(0);
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 3, "{}", run.stderr());
    let says = "no verdict: the clock of prometheus differs by +3600.0 s from the clock of this machine\n";
    assert!(run.stderr().contains(says), "{}", run.stderr());

    let dry = |url: &str| {
        let dry = start(&lab, "long", &["--prometheus", url, "--dry-run"]);
        let code = dry.wait_exit(DEADLINE);
        assert!(dry.stdout().contains("long: would test for 1s 500ms: "), "{}", dry.stdout());
        let unjudged = "\nlong: it has no expectations, so its runs are not judged\n";
        assert!(dry.stdout().contains(unjudged), "{}", dry.stdout());
        (code, dry.stderr())
    };
    assert_eq!(dry(&url), (0, String::new()));

    // Queries look back on 5 s: what is known before a run is told before it.
    let hurried = |args: &[&str]| {
        let run = start_file(&lab, "hurried", HURRIED, &[&["--prometheus", &url], args].concat());
        (clean_exit(&run, &lab.toxiproxy), run.stdout(), run.stderr())
    };
    let (code, said, error) = hurried(&["--dry-run"]);
    let too_short = "hurried: `the fault has an effect` needs 5s of testing, but testing lasts 600ms";
    assert!(code == 3 && said.lines().any(|line| line == too_short), "{code} {said}");
    let summary = format!("no verdict is possible at present: {too_short}\n");
    assert!(error.starts_with(&format!("error: {summary}")), "{error}");
    assert!(!said.contains("`other nodes stay clean`"), "there are none: {said}");
    let (code, _, said) = hurried(&[]);
    assert_eq!((code, said.matches(&format!("warning: {summary}")).count()), (3, 1), "{said}");
    let no_verdict = |why: &str| format!("error: no verdict is possible at present: {why}");
    skewed.set(-60);
    assert_eq!(
        dry(&url),
        (3, no_verdict("the clock of prometheus differs by -60.0 s from the clock of this machine\n"))
    );
    skewed.set(0);
    let (code, said) = dry("http://127.0.0.1:1");
    let silent = no_verdict("prometheus at http://127.0.0.1:1 does not answer: connection refused\nhint: ");
    assert!(code == 3 && said.starts_with(&silent), "{code} {said}");
    loadgen.kill();
    prometheus.wait_for("up == 0", secs(10), |series| !series.is_empty());
    assert_eq!(dry(&url), (3, no_verdict("the load generator does not answer prometheus\n")));
}

/// Whatever becomes of Prometheus, faults come off when they are due and nothing is claimed.
#[test]
fn a_prometheus_that_hangs_or_goes_away_delays_no_removal() {
    let lab = Lab::start(1);
    let fake = FakeToxiproxy::before(&lab.toxiproxy);
    // Connections wait there for ever.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", mute.local_addr().unwrap());
    let run = start(&lab, "slow", &["--toxiproxy", &fake.url(), "--prometheus", &url]);
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 3, "{}", run.stderr());
    assert!(run.stderr().contains("no verdict: prometheus at "), "{}", run.stderr());
    assert!(run.stderr().contains(" does not answer: no answer within 3 s"), "{}", run.stderr());
    let at = |method: &str| {
        let requests = fake.requests_at();
        requests.into_iter().find(|(_, request)| request.starts_with(method)).unwrap().0
    };
    let on = at("DELETE").duration_since(at("POST")).unwrap();
    // 0.8 s as planned; one question to Prometheus would add 3 s.
    assert!(on < Duration::from_millis(3_300), "{on:?}");

    let prometheus = Prometheus::start_every(Duration::from_millis(250), [("scenariod", lab.scenariod_addr)]);
    let run = start(&lab, "long", &["--prometheus", &prometheus.url()]);
    await_phase(&run, "long", 2);
    drop(prometheus);
    assert_eq!(clean_exit(&run, &lab.toxiproxy), 3, "{}", run.stderr());
    assert!(run.stderr().contains(" does not answer: connection refused"), "{}", run.stderr());
}

/// The lab has a proxy that Toxiproxy does not have. A proxy at the same port of one address prevents it.
#[test]
fn a_dry_run_sees_that_the_address_of_a_missing_proxy_is_taken() {
    let lab = Lab::start(1);
    let port = lab.toxiproxy.listen("memcached1").port();
    let spare = format!("servers:\n- name: spare\n  listen: 0.0.0.0:{port}\n  upstream: 127.0.0.1:1\n");
    let text = std::fs::read_to_string(lab.config()).unwrap().replacen("servers:\n", &spare, 1);
    std::fs::write(lab.config(), text).unwrap();
    for args in [&["--dry-run"][..], &[]] {
        let daemon = start(&lab, "slow", args);
        assert_eq!(daemon.wait_exit(DEADLINE), 4, "{}", daemon.stderr());
        let said = format!(
            "error: slow was not started: cannot create proxy spare on 0.0.0.0:{port}: the proxy memcached1 listens there\n\
             hint: remove the other proxy with the tool that added it, or change `listen` in the lab file\n"
        );
        assert!(daemon.stderr().ends_with(&said), "{}", daemon.stderr());
    }
}

#[test]
fn a_dry_run_refuses_what_a_run_refuses_in_the_same_words() {
    let lab = Lab::start(1);
    let file = lab.folder().join("file");
    std::fs::write(&file, "").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let (file, taken) = (file.display().to_string(), taken.local_addr().unwrap().to_string());
    for args in [["--metrics-addr", &taken], ["--toxiproxy", "http://127.0.0.1:1"], ["--state-dir", &file]] {
        let ended = [vec![], vec!["--dry-run"]].map(|dry| {
            let daemon = start(&lab, "slow", &[&args[..], &dry].concat());
            (daemon.wait_exit(DEADLINE), daemon.stderr())
        });
        let [(code, said), (dry_code, dry_said)] = ended;
        assert_eq!((code, dry_code), (4, 4), "{said}{dry_said}");
        // The name of the journal is each run's own.
        let error = |said: &str| {
            let line = said.lines().find(|line| line.starts_with("error: ")).unwrap().to_owned();
            line.split("/runs").next().unwrap().to_owned()
        };
        assert_eq!(error(&said), error(&dry_said));
    }
}
