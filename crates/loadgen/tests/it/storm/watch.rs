//! A loadgen with conditions that must hold during all faults. They are asserted at every scrape.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::{Daemon, Lab, Scrape, Signal, secs};

use crate::figures::{connections, dropped, ended, failed, succeeded};

pub(crate) struct WatchedLoadgen {
    loadgen: Daemon,
    workers: u32,
    /// Connections per node.
    bound: u32,
}

impl WatchedLoadgen {
    /// Returns once every node of the lab has served load.
    #[track_caller]
    pub(crate) fn start(bin: impl AsRef<Path>, lab: &Lab, workers: u32, bound: u32, args: &[&str]) -> Self {
        let (concurrency, pool) = (workers.to_string(), bound.to_string());
        let fixed = ["--concurrency", &concurrency, "--pool-size", &pool];
        let watched = Self { loadgen: lab.loadgen(bin, fixed.iter().chain(args)), workers, bound };
        // The conditions are not checked yet, because there are no workers before the nodes reply.
        watched.loadgen.scrape_until("load runs on every node", secs(15), |scrape| {
            (1..=lab.nodes.len()).all(|n| ended(scrape, &format!("memcached{n}"), "success") > 50.0)
        });
        watched
    }

    /// Scrapes until the condition holds.
    #[track_caller]
    pub(crate) fn until(
        &self,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut(&Scrape) -> bool,
    ) -> Scrape {
        self.loadgen.scrape_until(what, deadline, |scrape| {
            self.assert_sound(scrape);
            condition(scrape)
        })
    }

    #[track_caller]
    pub(crate) fn scrape(&self) -> Scrape {
        let scrape = self.loadgen.scrape();
        self.assert_sound(&scrape);
        scrape
    }

    /// The scrape after this time.
    #[track_caller]
    pub(crate) fn after(&self, time: Duration) -> Scrape {
        let start = Instant::now();
        self.until("time passes", time * 2 + secs(5), |_| start.elapsed() >= time)
    }

    /// The time must be long enough to make up for a moment without a CPU: late operations are sent, too.
    #[track_caller]
    pub(crate) fn successes_per_second(&self, time: Duration) -> f64 {
        let (first, start) = (self.scrape(), Instant::now());
        let last = self.after(time);
        (succeeded(&last) - succeeded(&first)) / start.elapsed().as_secs_f64()
    }

    /// Waits until there was no failure for the time `time`. Returns the time of the last failure.
    #[track_caller]
    pub(crate) fn wait_for_recovery(&self, time: Duration, deadline: Duration) -> Instant {
        let unserved = |scrape: &Scrape| failed(scrape) + dropped(scrape);
        let (mut since, mut first) = (Instant::now(), self.scrape());
        self.until("no operations fail any more", deadline, |scrape| {
            if unserved(scrape) > unserved(&first) {
                (since, first) = (Instant::now(), scrape.clone());
            }
            since.elapsed() >= time
        });
        since
    }

    /// Stops loadgen. It must exit with code 0 and without a panic.
    #[track_caller]
    pub(crate) fn ends_well(&self) {
        self.loadgen.signal(Signal::TERM);
        assert_eq!(self.loadgen.wait_exit(secs(5)), 0);
        assert!(!self.loadgen.stderr().contains("panicked"), "{}", self.loadgen.stderr());
    }

    #[track_caller]
    fn assert_sound(&self, scrape: &Scrape) {
        assert_eq!(scrape.value("loadgen_workers", []), Some(f64::from(self.workers)), "workers were lost");
        assert_eq!(scrape.sum("memcache_corrupt_reads_total", []), 0.0, "wrong values were read");
        for pool in scrape.matching("memcache_pool_connections", [("state", "total")]) {
            assert!(pool.value <= f64::from(self.bound), "more connections than {}: {pool:?}", self.bound);
        }
    }
}

/// The number of connections to all nodes.
pub(crate) fn pooled(scrape: &Scrape, nodes: usize) -> f64 {
    (1..=nodes).map(|n| connections(scrape, &format!("memcached{n}"), "total")).sum()
}

/// The resident memory of the process, in MiB.
pub(crate) fn resident(scrape: &Scrape) -> f64 {
    scrape.value("process_resident_memory_bytes", []).unwrap() / f64::from(1 << 20)
}
