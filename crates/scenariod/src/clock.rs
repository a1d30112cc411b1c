//! Unix time, as leases, journals and Prometheus count it. Only here is the wall clock read as a number.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) fn epoch_seconds(at: SystemTime) -> f64 {
    since_epoch(at).as_secs_f64()
}

/// Now, in whole seconds.
pub(crate) fn unix_seconds() -> u64 {
    now().as_secs()
}

pub(crate) fn now() -> Duration {
    since_epoch(SystemTime::now())
}

/// 0 for a clock that is set before 1970.
fn since_epoch(at: SystemTime) -> Duration {
    at.duration_since(UNIX_EPOCH).unwrap_or_default()
}
