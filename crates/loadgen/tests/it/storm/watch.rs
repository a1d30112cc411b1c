//! A loadgen that is watched: what must hold whatever happens around it is asserted at every scrape.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::{Daemon, Lab, Scrape, Signal, secs};

use crate::figures::{connections, ended, failed, succeeded};

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
        // Not watched yet: there is no worker before the nodes answer.
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

    /// The scrape at the end of a stretch of time.
    #[track_caller]
    pub(crate) fn after(&self, stretch: Duration) -> Scrape {
        let start = Instant::now();
        self.until("time passes", stretch * 2 + secs(5), |_| start.elapsed() >= stretch)
    }

    /// Long enough a stretch makes up for a moment without a CPU: what is late is sent all the same.
    #[track_caller]
    pub(crate) fn successes_per_second(&self, stretch: Duration) -> f64 {
        let (first, start) = (self.scrape(), Instant::now());
        let last = self.after(stretch);
        (succeeded(&last) - succeeded(&first)) / start.elapsed().as_secs_f64()
    }

    /// When failures stopped that have stopped for at least `stretch`.
    #[track_caller]
    pub(crate) fn recovered(&self, stretch: Duration, deadline: Duration) -> Instant {
        let unserved = |scrape: &Scrape| failed(scrape) + scrape.sum("loadgen_operations_dropped_total", []);
        let (mut since, mut first) = (Instant::now(), self.scrape());
        self.until("operations fail no more", deadline, |scrape| {
            if unserved(scrape) > unserved(&first) {
                (since, first) = (Instant::now(), scrape.clone());
            }
            since.elapsed() >= stretch
        });
        since
    }

    /// A drained end without a panic on the way.
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

/// Connections over all nodes.
pub(crate) fn pooled(scrape: &Scrape, nodes: usize) -> f64 {
    (1..=nodes).map(|n| connections(scrape, &format!("memcached{n}"), "total")).sum()
}

/// Memory of the process in RAM, in MiB.
pub(crate) fn resident(scrape: &Scrape) -> f64 {
    scrape.value("process_resident_memory_bytes", []).unwrap() / f64::from(1 << 20)
}
