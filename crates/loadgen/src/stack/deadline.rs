//! A time limit for futures, with one timer per worker. `tokio::time::timeout` inserts and removes a timer for each call. This
//! timer stays armed for an earlier limit and is armed again only when it fires too soon. On a healthy path that is about
//! once per timeout instead of once per operation. In between, it is not polled.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// The current time of Tokio's clock, which also drives the timers. In a test with a paused clock, both are paused.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The limit was reached before the future was ready.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// A reusable timer. It is as precise as Tokio, 1 ms, and never early.
#[derive(Debug)]
pub(crate) struct Deadline {
    timer: Pin<Box<Sleep>>,
    /// The waker that the timer calls when it fires. `None` while the timer is not armed.
    wakes: Option<Waker>,
}

impl Deadline {
    /// Needs a tokio runtime around it.
    pub(crate) fn new() -> Self {
        Self { timer: Box::pin(sleep_until(tokio::time::Instant::now())), wakes: None }
    }

    /// Runs the future until it is ready or the limit is reached. In the second case the future is dropped.
    pub(crate) async fn within<T>(
        &mut self,
        limit: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let mut work = pin!(work);
        let limit = tokio::time::Instant::from_std(limit);
        poll_fn(|context| {
            if let Poll::Ready(value) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(value));
            }
            self.poll_limit(limit, context).map(Err)
        })
        .await
    }

    fn poll_limit(&mut self, limit: tokio::time::Instant, context: &mut Context<'_>) -> Poll<Elapsed> {
        let armed = self.wakes.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        if armed && self.timer.deadline() <= limit && !self.timer.is_elapsed() {
            return Poll::Pending;
        }
        self.wakes = None;
        if self.timer.deadline() > limit {
            self.timer.as_mut().reset(limit);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if self.timer.deadline() >= limit {
                return Poll::Ready(Elapsed);
            }
            self.timer.as_mut().reset(limit);
        }
        self.wakes = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{Deadline, Elapsed};

    const MS: Duration = Duration::from_millis(1);

    async fn elapses(deadline: &mut Deadline, after: Duration) {
        let start = Instant::now();
        let result = deadline.within((start + after).into_std(), pending::<()>()).await;
        assert_eq!(result, Err(Elapsed));
        let took = start.elapsed();
        assert!(took >= after && took <= after + 2 * MS, "{took:?} for {after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stuck_future_ends_at_its_limit_after_any_earlier_limit() {
        let mut deadline = Deadline::new();
        for after in [500 * MS, 20 * MS, 700 * MS, 700 * MS, MS, Duration::ZERO] {
            elapses(&mut deadline, after).await;
        }
        let start = Instant::now();
        let done = deadline.within((start + 500 * MS).into_std(), async { 7 }).await;
        assert_eq!(done, Ok(7));
        elapses(&mut deadline, 30 * MS).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_in_time_is_not_ended_by_the_timer_of_an_earlier_one() {
        let mut deadline = Deadline::new();
        for _ in 0..10 {
            let limit = (Instant::now() + 500 * MS).into_std();
            assert_eq!(deadline.within(limit, sleep(499 * MS)).await, Ok(()));
        }
    }
}
