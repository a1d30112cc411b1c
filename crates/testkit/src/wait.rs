//! Waiting for a condition with a deadline: the only place of the test kit that sleeps.

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);

/// `n` seconds.
pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Blocks until `condition` holds; after `deadline` panics with `what` was waited for. The condition is asked at least twice.
#[track_caller]
pub fn eventually(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    loop {
        if condition() {
            return;
        }
        let late = begin.elapsed() >= deadline;
        sleep(POLL);
        if late && !condition() {
            panic!("waited {deadline:?} in vain for: {what}");
        }
    }
}

/// As [`eventually`], without blocking the runtime: for conditions on a daemon that runs in the test's own process.
pub async fn eventually_async(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < deadline, "waited {deadline:?} in vain for: {what}");
        tokio::time::sleep(POLL).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "polling a condition of another process")]
fn sleep(time: Duration) {
    std::thread::sleep(time);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_once_the_condition_holds() {
        let mut asked = 0;
        eventually("the third question", secs(5), || {
            asked += 1;
            asked == 3
        });
        assert_eq!(asked, 3);
    }

    #[test]
    #[should_panic(expected = "in vain for: the moon")]
    fn names_what_did_not_come() {
        eventually("the moon", Duration::from_millis(50), || false);
    }

    #[tokio::test]
    #[should_panic(expected = "in vain for: the moon")]
    async fn names_what_did_not_come_async() {
        eventually_async("the moon", Duration::from_millis(50), async || false).await;
    }
}
