//! The only place that sleeps.

use std::time::{Duration, Instant};

use crate::error::BenchError;

const POLL: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "a measurement window, and polling another process")]
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}

/// Polls until the condition holds; `false` when the limit passed first.
pub(crate) fn holds_within(
    limit: Duration,
    mut condition: impl FnMut() -> Result<bool, BenchError>,
) -> Result<bool, BenchError> {
    let begin = Instant::now();
    loop {
        if condition()? {
            return Ok(true);
        }
        if begin.elapsed() > limit {
            return Ok(false);
        }
        sleep(POLL);
    }
}
