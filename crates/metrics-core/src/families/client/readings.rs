//! PromQL that reads the client's families for a report, so that their names stand in this folder alone.
//! What is made of the answers is the reader's business.

use super::{
    BREAKER_CHANGED, BREAKER_STATE, BREAKER_TRANSITIONS, CORRUPT, DROPPED, DURATION, ERRORS, LAST_ERROR,
    OPERATIONS, SERVICE,
};

/// The job under which Prometheus scrapes the load generator.
const JOB: &str = "loadgen";

/// Whether scrapes succeeded: every sample of `window`.
pub fn scrapes(window: &str) -> String {
    format!("up{{job=\"{JOB}\"}}[{window}]")
}

/// Whether the last scrape succeeded.
pub fn answering() -> String {
    format!("up{{job=\"{JOB}\"}}")
}

/// When the processes began that were the load generator during `window`, in seconds since the epoch.
pub fn starts(window: &str) -> String {
    format!("max_over_time(process_start_time_seconds{{job=\"{JOB}\"}}[{window}])")
}

/// Operations per second by `server` and `status`.
pub fn operation_rates(window: &str) -> String {
    format!("sum by (server, status) (rate({}[{window}]))", OPERATIONS.name)
}

/// Operations by `server` and `status`, as many as there were.
pub fn operations(window: &str) -> String {
    grown(OPERATIONS.name, "server, status", window)
}

/// Failed operations by `server` and `type`, as many as there were.
pub fn errors(window: &str) -> String {
    grown(ERRORS.name, "server, type", window)
}

/// Operations that were due and never started, as many as there were.
pub fn dropped(window: &str) -> String {
    grown(DROPPED.name, "", window)
}

/// Operations that got as far as a connection, by `server`, as many as there were.
pub fn sent(window: &str) -> String {
    grown(&format!("{}_count", SERVICE.name), "server", window)
}

/// Those of them that took at most 100 ms from the first byte to the reply.
pub fn quick(window: &str) -> String {
    grown(&format!("{}_bucket{{le=\"0.1\"}}", SERVICE.name), "server", window)
}

/// What is worth a glance while a run goes, of the servers that a pattern matches: one series for each `figure`, the breaker
/// once for each `server`. Rests on the lab's recording rules.
pub fn moving(servers: &str) -> String {
    let of = |series: &str| format!("{series}{{server=~\"{servers}\"}}");
    [
        ("rate", format!("sum({})", of("server:memcache_operations:rate5s"))),
        ("failed", format!("max({})", of("server:memcache_error_ratio:rate5s"))),
        ("slow", format!("max({})", of("server:memcache_slow_share:rate5s"))),
        ("breaker", format!("max by (server) ({})", of(BREAKER_STATE.name))),
    ]
    .map(|(figure, query)| format!("label_replace({query}, \"figure\", \"{figure}\", \"\", \"\")"))
    .join(" or ")
}

/// Operations by `server` and `le`, the upper edges of what callers waited, as many as there were.
pub fn duration_buckets(window: &str) -> String {
    grown(&format!("{}_bucket", DURATION.name), "server, le", window)
}

/// Changes of the breaker by `server`, `from` and `to`.
pub fn breaker_transitions(window: &str) -> String {
    grown(BREAKER_TRANSITIONS.name, "server, from, to", window)
}

/// Wrong values read, by `server`.
pub fn wrong_values(window: &str) -> String {
    grown(CORRUPT.name, "server", window)
}

/// When the breaker last changed: every sample of `window`.
pub fn breaker_changes(window: &str) -> String {
    format!("{}[{window}]", BREAKER_CHANGED.name)
}

/// The state of the breaker: every sample of `window`.
pub fn breaker_states(window: &str) -> String {
    format!("{}[{window}]", BREAKER_STATE.name)
}

/// When an operation last failed: every sample of `window`.
pub fn last_errors(window: &str) -> String {
    format!("{}[{window}]", LAST_ERROR.name)
}

/// What a counter has grown by. `increase` would extrapolate, and give a third of an event.
fn grown(series: &str, by: &str, window: &str) -> String {
    format!("sum by ({by}) ({series}) - sum by ({by}) ({series} offset {window})")
}
