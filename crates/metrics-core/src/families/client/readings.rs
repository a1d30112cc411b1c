//! PromQL for `scenariod`: the queries with which it reads loadgen's metrics for its verdict and report. They are here
//! because metric names are written nowhere outside this folder. What the results mean is decided in `scenariod`.

use super::{
    BREAKER_CHANGED, BREAKER_STATE, BREAKER_TRANSITIONS, CORRUPT, DROPPED, DURATION, ERRORS, FAMILIES,
    LAST_ERROR, LOADGEN_FAMILIES, OPERATIONS, SERVICE,
};

/// The job under which Prometheus scrapes the load generator.
pub const JOB: &str = "loadgen";

/// Whether this is the name of a series that only load generators export.
pub fn exports(series: &str) -> bool {
    let families = FAMILIES.iter().chain(LOADGEN_FAMILIES);
    families.flat_map(|family| family.series_names()).any(|name| name == series)
}

/// The time of the newest sample of each load generator, by `job` and `instance`. Prometheus returns samples that are up to
/// five minutes old, also of a process that no longer runs.
pub fn sightings() -> String {
    format!("max by (job, instance) (timestamp({}))", OPERATIONS.name)
}

/// Whether scrapes succeeded: every sample of `window`.
pub fn scrapes(window: &str) -> String {
    format!("up{{job=\"{JOB}\"}}[{window}]")
}

/// The start times of the load generator's processes during `window`, in seconds since the epoch.
pub fn starts(window: &str) -> String {
    format!("max_over_time(process_start_time_seconds{{job=\"{JOB}\"}}[{window}])")
}

/// Operations per second by `server` and `status`.
pub fn operation_rates(window: &str) -> String {
    format!("sum by (server, status) (rate({}[{window}]))", OPERATIONS.name)
}

/// The number of operations by `server` and `status`.
pub fn operations(window: &str) -> String {
    increase_of(OPERATIONS.name, "server, status", window)
}

/// The number of failed operations by `server` and `type`.
pub fn errors(window: &str) -> String {
    increase_of(ERRORS.name, "server, type", window)
}

/// The number of operations that were due and never started.
pub fn dropped(window: &str) -> String {
    increase_of(DROPPED.name, "", window)
}

/// The number of operations that got a connection, by `server`.
pub fn sent(window: &str) -> String {
    increase_of(&format!("{}_count", SERVICE.name), "server", window)
}

/// The number of operations that took at most 100 ms from the first byte to the reply, by `server`.
pub fn quick(window: &str) -> String {
    increase_of(&format!("{}_bucket{{le=\"0.1\"}}", SERVICE.name), "server", window)
}

/// The figures that are shown during a run, for the servers that a pattern matches: one series for each `figure`, and one
/// for each `server` for the breaker. Needs the lab's recording rules.
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

/// The number of operations by `server` and `le`, the upper edge of the time that callers waited.
pub fn duration_buckets(window: &str) -> String {
    increase_of(&format!("{}_bucket", DURATION.name), "server, le", window)
}

/// The number of state changes of the breaker, by `server`, `from` and `to`.
pub fn breaker_transitions(window: &str) -> String {
    increase_of(BREAKER_TRANSITIONS.name, "server, from, to", window)
}

/// The number of wrong values read, by `server`.
pub fn wrong_values(window: &str) -> String {
    increase_of(CORRUPT.name, "server", window)
}

/// The time of the breaker's last state change: every sample of `window`.
pub fn breaker_changes(window: &str) -> String {
    format!("{}[{window}]", BREAKER_CHANGED.name)
}

/// The state of the breaker: every sample of `window`.
pub fn breaker_states(window: &str) -> String {
    format!("{}[{window}]", BREAKER_STATE.name)
}

/// The time of the last failed operation: every sample of `window`.
pub fn last_errors(window: &str) -> String {
    format!("{}[{window}]", LAST_ERROR.name)
}

/// The increase of a counter. PromQL's `increase` would extrapolate and return fractions of an event.
fn increase_of(series: &str, by: &str, window: &str) -> String {
    format!("sum by ({by}) ({series}) - sum by ({by}) ({series} offset {window})")
}
