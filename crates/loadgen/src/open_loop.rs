//! The open loop of one load thread: it gives due operations to free workers in order, wakes the workers in time, and counts
//! late starts and drops. `dispatch` decides which operations these are, `timer` when to wake.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::dispatch::{DispatchQueue, DueOperation, count_due};
use crate::profile::Schedule;
use crate::recorder::{Event, Recorder};
use crate::stack::deadline::now;
use crate::timer::{TICK, Timer, next_wakeup};

/// The interval of the search for drops while no worker is free.
const REVIEW: Duration = Duration::from_millis(10);

/// The length of a thread's queue for the scrape. It is computed from the time and the number of settled operations, so it
/// cannot drift.
#[derive(Debug)]
pub(crate) struct Backlog {
    schedule: Schedule,
    began: Instant,
    /// Operations started or dropped. Only the load thread writes it.
    settled: AtomicU64,
}

impl Backlog {
    /// The number of due operations that wait for a worker.
    pub(crate) fn depth(&self, now: Instant) -> u64 {
        count_due(&self.schedule, self.began, now).saturating_sub(self.settled.load(Relaxed))
    }
}

/// The open loop. The workers of a thread share it through an `Rc`.
pub(crate) struct OpenLoop<R: Recorder> {
    dispatch: RefCell<DispatchQueue>,
    backlog: Arc<Backlog>,
    recorder: R,
    /// The number of workers that wait for an operation.
    idle: Cell<u64>,
    /// Wakes the workers that wait, the longest idle one first.
    work: Notify,
    /// Wakes the driver when a first worker begins to wait.
    first_idle: Notify,
    max_start_delay: Duration,
    /// Operations that are due later do not start.
    end: Cell<Option<Instant>>,
    closed: Cell<bool>,
}

/// Counts a worker as idle until the guard is dropped, however the wait ends.
struct IdleGuard<'a>(&'a Cell<u64>);

impl Drop for IdleGuard<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl<R: Recorder> OpenLoop<R> {
    pub(crate) fn new(
        schedule: Schedule,
        began: Instant,
        max_start_delay: Duration,
        end: Option<Instant>,
        recorder: R,
    ) -> Self {
        Self {
            dispatch: RefCell::new(DispatchQueue::new(schedule, began, max_start_delay)),
            backlog: Arc::new(Backlog { schedule, began, settled: AtomicU64::new(0) }),
            recorder,
            idle: Cell::new(0),
            work: Notify::new(),
            first_idle: Notify::new(),
            max_start_delay,
            end: Cell::new(end),
            closed: Cell::new(false),
        }
    }

    /// For the gauge of the queue's depth.
    pub(crate) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// An operation that waits longer for a worker or a connection is dropped.
    pub(crate) fn max_start_delay(&self) -> Duration {
        self.max_start_delay
    }

    /// Waits for the next operation that is due. Returns it with the time at which it starts, or `None` when the load has
    /// ended and no operation waits any more. A dropped wait loses no operation.
    pub(crate) async fn next_operation(&self) -> Option<(DueOperation, Instant)> {
        loop {
            let now = now();
            if let Some(start) = self.take(now) {
                return Some((start, now));
            }
            if self.closed.get() {
                return None;
            }
            self.idle.set(self.idle.get() + 1);
            let _idle = IdleGuard(&self.idle);
            if self.idle.get() == 1 {
                self.first_idle.notify_one();
            }
            self.work.notified().await;
        }
    }

    /// The time, but never later than the end of the load.
    fn until_end(&self, now: Instant) -> Instant {
        self.end.get().map_or(now, |end| now.min(end))
    }

    /// Drops operations that have waited too long, also after the end of the load. Operations that are due after the end are
    /// not counted.
    fn expire(&self, now: Instant) {
        let latest = self.end.get().map(|end| end + self.max_start_delay);
        let dropped = self.dispatch.borrow_mut().expire(latest.map_or(now, |latest| now.min(latest)));
        self.count_dropped(dropped);
    }

    fn take(&self, now: Instant) -> Option<DueOperation> {
        self.expire(now);
        let taken = self.dispatch.borrow_mut().take(self.until_end(now));
        self.count_dropped(taken.dropped);
        let start = taken.operation?;
        self.settle();
        self.recorder.record(Event::StartedLate { by: now.saturating_duration_since(start.intended) });
        Some(start)
    }

    /// Wakes the workers in time until it is dropped. It runs on the workers' thread and uses the system's clock.
    pub(crate) async fn drive(&self) -> io::Result<Infallible> {
        let mut timer = Timer::new()?;
        let mut meant = now();
        loop {
            let now = now();
            // After a long delay, do not catch up tick by tick.
            if now.saturating_duration_since(meant) > TICK {
                meant = now;
            }
            self.expire(now);
            let (queued, next) = {
                let dispatch = self.dispatch.borrow();
                (dispatch.queued(self.until_end(now)), dispatch.next_start())
            };
            let idle = self.idle.get();
            for _ in 0..queued.min(idle) {
                self.work.notify_one();
            }
            if idle > 0 {
                meant = next_wakeup(meant, next);
                timer.sleep(meant.saturating_duration_since(now)).await?;
            } else {
                // A busy worker takes the next operation when it becomes free. Only idle workers must be woken.
                tokio::select! {
                    slept = timer.sleep(REVIEW) => slept?,
                    () = self.first_idle.notified() => {}
                }
            }
        }
    }

    /// Ends the load at `now`, or at its planned end if that is earlier. Operations that are due by then still start or are
    /// dropped. Workers without an operation end.
    pub(crate) fn close(&self, now: Instant) {
        self.end.set(Some(self.until_end(now)));
        self.closed.set(true);
        self.work.notify_waiters();
    }

    /// Counts the queued operations as dropped, because all workers have ended.
    pub(crate) fn abandon(&self, now: Instant) {
        let abandoned = self.dispatch.borrow_mut().abandon(self.until_end(now));
        self.count_dropped(abandoned);
    }

    fn count_dropped(&self, operations: u64) {
        if operations > 0 {
            self.recorder.record(Event::Dropped { operations });
            self.settle();
        }
    }

    fn settle(&self) {
        self.backlog.settled.store(self.dispatch.borrow().settled(), Relaxed);
    }
}

#[cfg(test)]
mod tests;
