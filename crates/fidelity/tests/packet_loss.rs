//! The rate of packet loss is exact: on a real Toxiproxy in front of a real memcached, the share of operations that take as
//! long as a retransmission is the configured rate, within the bounds of chance.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Lab, Signal, report, secs, workspace_bin};

const CONNECTIONS: usize = 32;
const OPERATIONS: usize = 2_000;
/// The number of further samples when the first sample of a rate is out of bounds.
const FURTHER: usize = 4;
/// Half a retransmission. An operation without a loss is faster, one with a loss is slower.
const SLOW: Duration = Duration::from_millis(100);
/// Two-sided 99.9% of the normal distribution.
const Z: f64 = 3.291;

const SCENARIOS: &str = "\
family: calibration
phases: { stabilization: 10ms, testing: 10m, recovery: 10ms }
scenarios:
  - { name: loss-2, about: x, faults: [{ target: memcached1, fault: packet_loss, rate: 0.02 }] }
  - { name: loss-5, about: x, faults: [{ target: memcached1, fault: packet_loss, rate: 0.05 }] }
  - { name: loss-10, about: x, faults: [{ target: memcached1, fault: packet_loss, rate: 0.1 }] }
  - { name: loss-20, about: x, faults: [{ target: memcached1, fault: packet_loss, rate: 0.2 }] }
  - { name: loss-50, about: x, faults: [{ target: memcached1, fault: packet_loss, rate: 0.5 }] }
";

/// Whether a rate of `p` gives `slow` of `all` in 999 of 1,000 such tests.
fn fits(slow: usize, all: usize, p: f64) -> bool {
    let (slow, all) = (slow as f64, all as f64);
    // The continuity correction: half a count.
    (slow - all * p).abs() <= Z * (all * p * (1.0 - p)).sqrt() + 0.5
}

/// The number of slow operations on `CONNECTIONS` connections, each with one request at a time. An operation has no deadline:
/// it ends with its answer.
fn slow_operations(node: SocketAddr) -> usize {
    let (left, slow) = (AtomicUsize::new(OPERATIONS), AtomicUsize::new(0));
    let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
    let worker = || {
        let mut stream = TcpStream::connect(node).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(secs(10))).unwrap();
        while take() {
            let started = Instant::now();
            stream.write_all(b"get absent\r\n").unwrap();
            stream.read_exact(&mut [0; b"END\r\n".len()]).unwrap();
            if started.elapsed() > SLOW {
                slow.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| (0..CONNECTIONS).for_each(|_| drop(scope.spawn(worker))));
    slow.into_inner()
}

/// The number of slow operations while a scenario is active.
fn under(lab: &Lab, scenario: &str) -> usize {
    let folder = lab.folder().join("calibration");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("calibration.yaml"), SCENARIOS).unwrap();
    let catalogue = folder.display().to_string();
    let args = ["--scenario", scenario, "--catalogue", &catalogue, "--linger", "0s", "--no-verdict"];
    let scenariod = lab.scenariod(workspace_bin("scenariod"), args);
    scenariod.scrape_until("packet loss", secs(20), |scrape| {
        let active = [("server", "memcached1"), ("type", "packet_loss")];
        scrape.value("toxiproxy_toxic_active", active) == Some(1.0)
    });
    let slow = slow_operations(lab.toxiproxy.listen("memcached1"));
    scenariod.signal(Signal::INT);
    assert_eq!(scenariod.wait_exit(secs(30)), 130, "{}", scenariod.stderr());
    slow
}

/// At each rate, the share of slow operations lies within the two-sided 99.9% bounds of a binomial distribution.
///
/// With a correct rate, one of five samples is out of these bounds in one run of 200. So a first sample of 2,000 that is out
/// of bounds does not fail the test: four more are taken, and the same 99.9% bounds must hold for all 10,000 operations,
/// including the first 2,000. Chance alone then fails about one run in 10,000. A wrong rate is more than twice as many
/// standard deviations off in the larger sample.
#[test]
fn the_share_of_slow_operations_is_the_rate_of_packet_loss() {
    let lab = Lab::start(1);
    let idle = slow_operations(lab.toxiproxy.listen("memcached1"));
    assert!(
        !fits(idle, OPERATIONS, 0.02),
        "{idle} slow operations without a fault: the machine is too busy for this measurement"
    );
    let mut samples = Vec::new();
    let wrong: Vec<String> = [2, 5, 10, 20, 50]
        .into_iter()
        .filter_map(|percent| {
            let rate = f64::from(percent) / 100.0;
            let mut sample = || {
                let slow = under(&lab, &format!("loss-{percent}"));
                samples.push(format!("{percent}%: {slow} of {OPERATIONS}"));
                slow
            };
            let first = sample();
            if fits(first, OPERATIONS, rate) {
                return None;
            }
            let all = (0..FURTHER).fold(first, |slow, _| slow + sample());
            let operations = OPERATIONS * (1 + FURTHER);
            (!fits(all, operations, rate))
                .then(|| format!("{first} of {OPERATIONS}, then {all} of {operations} at {percent}%"))
        })
        .collect();
    report("slow operations under packet loss", samples);
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The bounds accept a count near the rate and no other.
#[test]
fn the_bounds_distinguish_the_rates() {
    assert!(fits(200, OPERATIONS, 0.1) && fits(156, OPERATIONS, 0.1) && fits(244, OPERATIONS, 0.1));
    for far in [0, 100, 150, 250, 400, OPERATIONS] {
        assert!(!fits(far, OPERATIONS, 0.1), "{far}");
    }
    // The larger sample has narrower bounds: 1 percentage point is out of bounds, after 2.2 points in the first sample.
    let all = OPERATIONS * (1 + FURTHER);
    assert!(!fits(245, OPERATIONS, 0.1) && fits(1_099, all, 0.1) && !fits(1_100, all, 0.1));
}
