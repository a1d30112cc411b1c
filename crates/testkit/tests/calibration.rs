//! Packet loss means what it says: on the real Toxiproxy and behind the real memcached, the share of operations that
//! take as long as a retransmission is the asked-for rate, within what chance allows.

#![allow(clippy::unwrap_used, reason = "test helpers fail by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Lab, Signal, secs, workspace_bin};

const CONNECTIONS: usize = 32;
const OPERATIONS: usize = 2_000;
/// Half a retransmission: no operation without a loss takes as long, and none with one is faster.
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

/// Whether `slow` of `all` is what a rate of `p` gives in 999 of 1,000 such tests.
fn fits(slow: usize, all: usize, p: f64) -> bool {
    let (slow, all) = (slow as f64, all as f64);
    // Half a count for the step from whole numbers to a curve.
    (slow - all * p).abs() <= Z * (all * p * (1.0 - p)).sqrt() + 0.5
}

/// How many of the operations are slow, on so many connections of which each asks again once it is answered. An
/// operation ends when its answer is there, however late: service time, not a deadline, is measured.
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

/// Slow operations while a scenario is on.
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

#[test]
fn the_share_of_slow_operations_is_the_rate_of_packet_loss() {
    let lab = Lab::start(1);
    let idle = slow_operations(lab.toxiproxy.listen("memcached1"));
    assert!(
        !fits(idle, OPERATIONS, 0.02),
        "{idle} slow operations without a fault: too busy a machine to measure"
    );
    let wrong: Vec<String> = [2, 5, 10, 20, 50]
        .into_iter()
        .filter_map(|percent| {
            // Chance alone puts one of five levels out of bounds in one run of 200. A second, fresh sample tells it
            // from a wrong rate, which is out of bounds again.
            let samples: Vec<usize> = (0..2)
                .map(|_| under(&lab, &format!("loss-{percent}")))
                .inspect(|slow| println!("{percent}%: {slow} of {OPERATIONS} slow"))
                .take_while(|&slow| !fits(slow, OPERATIONS, f64::from(percent) / 100.0))
                .collect();
            (samples.len() == 2).then(|| format!("{samples:?} of {OPERATIONS} at {percent}%"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A bound that everything meets is no bound.
#[test]
fn the_bounds_tell_the_rates_apart() {
    assert!(fits(200, OPERATIONS, 0.1) && fits(156, OPERATIONS, 0.1) && fits(244, OPERATIONS, 0.1));
    for far in [0, 100, 150, 250, 400, OPERATIONS] {
        assert!(!fits(far, OPERATIONS, 0.1), "{far}");
    }
}
