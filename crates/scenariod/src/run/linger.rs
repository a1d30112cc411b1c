//! Keeps serving metrics after the last run, so that Prometheus scrapes its end. The series of a finished process go stale.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many scrapes have to follow the last run.
const SCRAPES: u64 = 2;

/// Waits until two further scrapes were answered, for at most `limit`. `stop` ends it at once.
pub(crate) async fn linger(mut scrapes: watch::Receiver<u64>, limit: Duration, stop: &CancellationToken) {
    let enough = *scrapes.borrow() + SCRAPES;
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        // An error means that the server has ended: no scrape will follow.
        _ = scrapes.wait_for(|answered| *answered >= enough) => {}
        () = tokio::time::sleep(limit) => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// Scrapes once a second from `first` on. Gives how long `linger` took.
    async fn lingered(first: Duration, stop_after: Duration) -> Duration {
        let (sender, receiver) = watch::channel(7);
        let stop = CancellationToken::new();
        let (start, token) = (Instant::now(), stop.clone());
        let world = async move {
            tokio::time::sleep(first).await;
            loop {
                sender.send_modify(|answered| *answered += 1);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let stopper = async move {
            tokio::time::sleep(stop_after).await;
            token.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = linger(receiver, LIMIT, &stop) => start.elapsed(),
            () = world => unreachable!("scrapes for ever"),
            () = stopper => unreachable!("pending"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_second_scrape_the_limit_or_a_signal() {
        let never = Duration::from_secs(60);
        assert_eq!(lingered(Duration::from_millis(300), never).await, Duration::from_millis(1_300));
        assert_eq!(lingered(never, never).await, LIMIT);
        assert_eq!(lingered(never, Duration::from_millis(10)).await, Duration::from_millis(10));
    }
}
