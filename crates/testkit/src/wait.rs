//! Waiting for a condition with a deadline. The only place of the kit that sleeps.

use std::convert::Infallible;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// `n` seconds.
pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Blocks until `condition` holds. The condition is checked at least twice.
///
/// # Panics
/// When it does not hold within `deadline`; the message names `what` was waited for.
#[track_caller]
pub fn eventually(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let held = holds_within(deadline, || Ok::<_, Infallible>(condition()));
    assert!(held == Ok(true), "timed out after {deadline:?} waiting for: {what}");
}

/// Blocks until `condition` holds; `false` when it does not hold within `deadline`. The condition is checked at least twice.
///
/// # Errors
/// The first error of the condition.
pub fn holds_within<E>(
    deadline: Duration,
    mut condition: impl FnMut() -> Result<bool, E>,
) -> Result<bool, E> {
    let start = Instant::now();
    loop {
        if condition()? {
            return Ok(true);
        }
        let is_late = start.elapsed() >= deadline;
        sleep(POLL);
        if is_late {
            return condition();
        }
    }
}

/// As [`eventually`], without blocking the runtime: for conditions on a daemon that runs in the test's own process.
pub async fn eventually_async(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < deadline, "timed out after {deadline:?} waiting for: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// Blocks for this time. For measurement windows; a test waits for a condition instead.
#[expect(clippy::disallowed_methods, reason = "a measurement window, and polling another process")]
pub fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_once_the_condition_holds() {
        let mut checks = 0;
        eventually("the third check", secs(5), || {
            checks += 1;
            checks == 3
        });
        assert_eq!(checks, 3);
    }

    #[test]
    #[should_panic(expected = "waiting for: the moon")]
    fn a_timeout_names_the_condition() {
        eventually("the moon", Duration::from_millis(50), || false);
    }

    #[test]
    fn a_condition_may_fail() {
        assert_eq!(holds_within(secs(5), || Err::<bool, _>("broken")), Err("broken"));
        assert_eq!(holds_within(Duration::ZERO, || Ok::<_, ()>(false)), Ok(false));
    }

    #[tokio::test]
    #[should_panic(expected = "waiting for: the moon")]
    async fn a_timeout_names_the_async_condition() {
        eventually_async("the moon", Duration::from_millis(50), async || false).await;
    }
}
