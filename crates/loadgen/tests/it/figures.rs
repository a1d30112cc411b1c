//! Short names for the figures that tests read from a scrape.

use testkit::Scrape;

pub(crate) fn ended(scrape: &Scrape, server: &str, status: &str) -> f64 {
    scrape.sum("memcache_operations_total", [("server", server), ("status", status)])
}

pub(crate) fn succeeded(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_operations_total", [("status", "success")])
}

pub(crate) fn failed(scrape: &Scrape) -> f64 {
    scrape.sum("memcache_operations_total", [("status", "failed")])
}

pub(crate) fn errors(scrape: &Scrape, server: &str, error: &str) -> f64 {
    scrape.sum("memcache_operation_errors_total", [("server", server), ("type", error)])
}

/// The state of a breaker: 0 closed, 1 half-open, 2 open.
pub(crate) fn breaker(scrape: &Scrape, server: &str) -> f64 {
    scrape.value("memcache_circuit_breaker_state", [("server", server)]).unwrap_or(-1.0)
}

pub(crate) fn connections(scrape: &Scrape, server: &str, state: &str) -> f64 {
    scrape.value("memcache_pool_connections", [("server", server), ("state", state)]).unwrap_or(-1.0)
}

/// Operations that the breaker of a server rejected.
pub(crate) fn rejected(scrape: &Scrape, server: &str) -> f64 {
    scrape.sum("memcache_circuit_breaker_rejected_total", [("server", server)])
}

/// Operations that an open loop dropped.
pub(crate) fn dropped(scrape: &Scrape) -> f64 {
    scrape.sum("loadgen_operations_dropped_total", [])
}

/// Reads that returned a wrong value of this kind.
pub(crate) fn corrupt(scrape: &Scrape, kind: &str) -> f64 {
    scrape.sum("memcache_corrupt_reads_total", [("kind", kind)])
}

/// The mean of a server's histogram, in seconds, over the observations between two scrapes.
pub(crate) fn mean(family: &str, server: &str, before: &Scrape, after: &Scrape) -> f64 {
    let grown = |part: &str| {
        let name = format!("{family}_{part}");
        after.sum(&name, [("server", server)]) - before.sum(&name, [("server", server)])
    };
    grown("sum") / grown("count")
}
