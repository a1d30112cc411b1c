//! Wake-ups to the microsecond inside a single-threaded runtime: a timerfd, because tokio's own timers are whole
//! milliseconds. When to wake for what is decided here too, as a pure function; what happens then is not known here.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::{read, retry_on_intr};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Above 10,000 starts per second several share a wake-up: waking for each would cost more than it gains.
pub(crate) const TICK: Duration = Duration::from_micros(100);

/// When to wake for something wanted at `next`, having last been meant to wake at `last`: exactly then where that is a
/// tick or more later, else after one tick. Counted from what was meant, so that a late wake-up delays no other.
pub(crate) fn next_wakeup(last: Instant, next: Instant) -> Instant {
    next.max(last + TICK)
}

/// A precise timer; never early. Follows the system's monotonic clock, so a paused runtime does not move it.
#[derive(Debug)]
pub(crate) struct Timer {
    fd: AsyncFd<OwnedFd>,
}

impl Timer {
    /// Needs a tokio runtime with I/O around it; fails when no descriptor is left.
    #[expect(
        deprecated,
        reason = "its replacement is unsafe; what it guards against is a descriptor that changes, an owned one cannot"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { fd: AsyncFd::with_interest(fd, Interest::READABLE)? })
    }

    /// Sleeps for that long. A sleep that is dropped leaves nothing behind: the next one arms the timer anew.
    pub(crate) async fn sleep(&mut self, pause: Duration) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // All zeros would disarm the timer.
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
            // Arming took back an expiry that nobody had read: then there is nothing to read, and the wait goes on.
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
        /// Wake-ups are at least a tick apart, never before what they are for, and exactly then where a tick allows.
        #[test]
        fn wake_ups_come_at_the_start_or_after_a_tick(ahead_us in 0..1_000u64, behind_us in 0..1_000u64) {
            let last = Instant::now() + Duration::from_secs(1);
            let ahead = Duration::from_micros(ahead_us);
            prop_assert_eq!(next_wakeup(last, last + ahead), last + ahead.max(TICK));
            prop_assert_eq!(next_wakeup(last, last - Duration::from_micros(behind_us)), last + TICK);
        }
    }

    #[tokio::test]
    async fn sleeps_are_never_early_and_a_dropped_one_leaves_nothing_behind() {
        let mut timer = Timer::new().unwrap();
        for micros in [0, 1, 50, 300, 2_000] {
            let pause = Duration::from_micros(micros);
            let start = Instant::now();
            timer.sleep(pause).await.unwrap();
            assert!(start.elapsed() >= pause);
            // Expires unread behind the back of the dropped sleep.
            let short = timer.sleep(Duration::from_micros(1));
            tokio::select! { biased; () = std::future::ready(()) => {}, _ = short => {} }
        }
        let start = Instant::now();
        // Polled once and dropped: armed for an hour that nobody waits for.
        let cut = tokio::time::timeout(Duration::ZERO, timer.sleep(Duration::from_secs(3_600))).await;
        assert!(cut.is_err());
        timer.sleep(TICK).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
