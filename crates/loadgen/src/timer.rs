//! A timer with microsecond precision inside a single-threaded runtime. It is a timerfd, because Tokio's own timers have
//! millisecond precision. A pure function computes the time of the next wake-up.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::{read, retry_on_intr};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The minimum time between wake-ups. Above 10,000 starts per second, several starts share a wake-up to save CPU time.
pub(crate) const TICK: Duration = Duration::from_micros(100);

/// When to wake for a start at `next`, if the last wake-up was planned for `last`: at `next`, but at least one tick after
/// `last`. It depends on the planned time, so that a late wake-up does not delay the next one.
pub(crate) fn next_wakeup(last: Instant, next: Instant) -> Instant {
    next.max(last + TICK)
}

/// A precise timer. It is never early. It uses the system's monotonic clock, even if the runtime's clock is paused.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<OwnedFd>,
}

impl Timer {
    /// Needs a Tokio runtime with I/O around it. Fails if the process has no file descriptor left.
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; it guards against a changed descriptor, but this one is owned"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { fd: AsyncFd::with_interest(fd, Interest::READABLE)? })
    }

    /// Sleeps for this time. It may be dropped at any time: the next call sets the timer again.
    pub(crate) async fn sleep(&mut self, pause: Duration) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A time of zero would stop the timer.
        let pause = pause.max(Duration::from_nanos(1));
        let seconds = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
        let once = Timespec { tv_sec: seconds, tv_nsec: pause.subsec_nanos().into() };
        timerfd_settime(
            &self.fd,
            TimerfdTimerFlags::empty(),
            &Itimerspec { it_interval: zero, it_value: once },
        )?;
        loop {
            let mut ready = self.fd.readable().await?;
            // Setting the timer clears an expiry that was not read. Then the read would block, and the wait continues.
            let expiries = ready.try_io(|fd| Ok(retry_on_intr(|| read(fd.get_ref(), &mut [0; 8]))?));
            match expiries {
                Ok(result) => return result.map(|_| ()),
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{TICK, Timer, next_wakeup};

    proptest! {
        /// A wake-up is at the start, or one tick after the last wake-up if that is later.
        #[test]
        fn wake_ups_are_at_the_start_or_one_tick_later(ahead_us in 0..1_000u64, behind_us in 0..1_000u64) {
            let last = Instant::now() + Duration::from_secs(1);
            let ahead = Duration::from_micros(ahead_us);
            prop_assert_eq!(next_wakeup(last, last + ahead), last + ahead.max(TICK));
            prop_assert_eq!(next_wakeup(last, last - Duration::from_micros(behind_us)), last + TICK);
        }
    }

    #[tokio::test]
    async fn a_sleep_is_never_early_even_after_a_dropped_one() {
        let mut timer = Timer::new().unwrap();
        for micros in [0, 1, 50, 300, 2_000] {
            let pause = Duration::from_micros(micros);
            let start = Instant::now();
            timer.sleep(pause).await.unwrap();
            assert!(start.elapsed() >= pause);
            // This timer expires after its sleep was dropped, and nobody reads the expiry.
            let short = timer.sleep(Duration::from_micros(1));
            tokio::select! { biased; () = std::future::ready(()) => {}, _ = short => {} }
        }
        let start = Instant::now();
        // Polled once and dropped: the timer stays set for an hour.
        let cut = tokio::time::timeout(Duration::ZERO, timer.sleep(Duration::from_secs(3_600))).await;
        assert!(cut.is_err());
        timer.sleep(TICK).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
