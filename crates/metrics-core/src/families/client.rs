//! The families of the memcached client and of the load generator: names, labels and HELP. `shard` counts, `state` has the
//! values of the gauges, `collector` and `encode` write the series.

mod breakdown;
mod collector;
mod encode;
pub mod readings;
mod shard;
mod state;

pub use breakdown::Breakdown;
pub use collector::{ClientFamilies, Totals};
pub use shard::{ClientShard, FinishedOperation};
pub use state::{BreakerView, ClientState, LoadView, PoolView};

use std::time::Duration;

use crate::family::Family;

/// A shorter delay fails no operation: it is half of the shortest time limit of the shipped clients.
pub(super) const STALL: Duration = Duration::from_millis(50);

pub(super) const OPERATIONS: Family = Family::counter(
    "memcache_operations_total",
    &["server", "operation", "status"],
    "Completed operations by outcome; a miss is a success",
);
pub(super) const ERRORS: Family = Family::counter(
    "memcache_operation_errors_total",
    &["server", "type"],
    "Failed operations by type of error",
);
const DURATION: Family = Family::histogram(
    "memcache_operation_duration_seconds",
    &["server", "operation"],
    "Time from the intended start of an operation to its end, including failed operations, in seconds",
);
/// Time on the wire. It shows whether a fault had an effect.
pub const SERVICE: Family = Family::histogram(
    "memcache_operation_service_seconds",
    &["server", "operation"],
    "Time from the first byte sent of an operation to its end, without queueing, in seconds",
);
const LATENESS: Family = Family::histogram(
    "memcache_operation_start_lateness_seconds",
    &[],
    "Open loop: delay between the intended and the actual start of an operation, in seconds",
);
/// Lateness of a timer that no operation uses, so that a slow client does not show in it.
pub(super) const TIMER_LATENESS: Family = Family::histogram(
    "loadgen_timer_lateness_seconds",
    &[],
    "Delay of a timer of each load thread that expires every 20 ms, in an open and in a closed loop, in seconds",
);
/// The part of that lateness that can fail an operation.
pub(super) const STALLED: Family = Family::counter(
    "loadgen_stalled_seconds_total",
    &[],
    "Time that load threads lost in delays of 50 ms or more, measured with the timer of `loadgen_timer_lateness_seconds`, in seconds",
);
const IN_FLIGHT: Family =
    Family::gauge("memcache_operations_in_flight", &["server"], "Operations in progress");
const PER_SECOND: Family = Family::gauge(
    "memcache_operations_per_second",
    &[],
    "Operations completed during the last second, for a first look; use the counter in queries",
);
const ERROR_RATE: Family = Family::gauge(
    "memcache_error_rate",
    &[],
    "Share of the operations of the last second that failed, 0 to 1, for a first look; use the counter in queries",
);
const HITS: Family = Family::counter("memcache_hits_total", &["server"], "Reads that found their key");
const MISSES: Family =
    Family::counter("memcache_misses_total", &["server"], "Reads that did not find their key");
pub(super) const CORRUPT: Family = Family::counter(
    "memcache_corrupt_reads_total",
    &["server", "kind"],
    "Reads that returned a wrong value; must stay 0",
);
const FOREIGN: Family = Family::counter(
    "memcache_foreign_values_total",
    &["server"],
    "Values read that the lab did not write; they are not checked and count as right",
);
const LATE_WRITES: Family = Family::counter(
    "memcache_late_writes_total",
    &["server"],
    "Values read whose write was never acknowledged: the write took effect after the client gave it up",
);
pub(super) const BREAKER_STATE: Family = Family::gauge(
    "memcache_circuit_breaker_state",
    &["server"],
    "State of the circuit breaker: 0 closed, 1 half-open, 2 open",
);
pub(super) const BREAKER_TRANSITIONS: Family = Family::counter(
    "memcache_circuit_breaker_transitions_total",
    &["server", "from", "to"],
    "State changes of the circuit breaker",
);
const BREAKER_REQUESTS: Family = Family::gauge(
    "memcache_circuit_breaker_requests",
    &["server"],
    "Requests in the circuit breaker's current counting window",
);
const BREAKER_FAILURES: Family = Family::gauge(
    "memcache_circuit_breaker_failures",
    &["server", "type"],
    "Failures in the circuit breaker's current counting window: `total` is all of them, `consecutive` those since the last success",
);
const BREAKER_REJECTED: Family = Family::counter(
    "memcache_circuit_breaker_rejected_total",
    &["server"],
    "Operations that the circuit breaker rejected",
);
pub(super) const BREAKER_CHANGED: Family = Family::gauge(
    "memcache_circuit_breaker_state_change_timestamp_seconds",
    &["server"],
    "Time of the circuit breaker's last state change, in seconds since the epoch; 0 before the first one",
);
pub(super) const LAST_ERROR: Family = Family::gauge(
    "memcache_last_error_timestamp_seconds",
    &["server"],
    "Time of the last failed operation, in seconds since the epoch; 0 before the first one",
);
const POOL: Family = Family::gauge(
    "memcache_pool_connections",
    &["server", "state"],
    "Open connections: `active` carries a request, `idle` does not, `total` is both",
);
const POOL_CREATED: Family =
    Family::counter("memcache_pool_connections_created_total", &["server"], "Connections opened");
const POOL_CLOSED: Family = Family::counter(
    "memcache_pool_connections_closed_total",
    &["server", "reason"],
    "Connections closed, by reason",
);
const ACQUIRE_ERRORS: Family =
    Family::counter("memcache_pool_acquire_errors_total", &["server"], "Operations that got no connection");
const ACQUIRE: Family = Family::histogram(
    "memcache_pool_acquire_duration_seconds",
    &["server"],
    "Time that an operation waited for a connection, including dialling, in seconds",
);

pub(super) const TARGET_RATE: Family = Family::gauge(
    "loadgen_target_rate",
    &[],
    "Operations per second that the open loop has to send; 0 in a closed loop",
);
const WORKERS: Family = Family::gauge("loadgen_workers", &[], "Workers that send operations");
const QUEUE_DEPTH: Family =
    Family::gauge("loadgen_queue_depth", &[], "Open loop: operations that are due and wait for a worker");
const DROPPED: Family = Family::counter(
    "loadgen_operations_dropped_total",
    &[],
    "Open loop: operations dropped because no worker or no connection was free in time",
);

pub(super) const FAMILIES: &[&Family] = &[
    &OPERATIONS,
    &ERRORS,
    &DURATION,
    &SERVICE,
    &LATENESS,
    &IN_FLIGHT,
    &PER_SECOND,
    &ERROR_RATE,
    &HITS,
    &MISSES,
    &CORRUPT,
    &LATE_WRITES,
    &FOREIGN,
    &BREAKER_STATE,
    &BREAKER_TRANSITIONS,
    &BREAKER_REQUESTS,
    &BREAKER_FAILURES,
    &BREAKER_REJECTED,
    &BREAKER_CHANGED,
    &LAST_ERROR,
    &POOL,
    &POOL_CREATED,
    &POOL_CLOSED,
    &ACQUIRE_ERRORS,
    &ACQUIRE,
];
pub(super) const LOADGEN_FAMILIES: &[&Family] =
    &[&TARGET_RATE, &WORKERS, &QUEUE_DEPTH, &DROPPED, &TIMER_LATENESS, &STALLED];
