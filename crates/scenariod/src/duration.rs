//! Durations in words. Pure.

use std::time::Duration;

/// To the millisecond.
pub(crate) fn readable(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    humantime::format_duration(Duration::from_millis(millis)).to_string()
}
