//! The open loop of one load thread: hands due operations to free workers in order, wakes them in time, and counts
//! what came late or never. Which operations those are is decided in `dispatch`, when to wake in `timer`.

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

/// How often drops are looked for while no worker is free to notice them.
const REVIEW: Duration = Duration::from_millis(10);

/// What the scrape sees of a thread's queue: a function of time and of how much is settled, so it cannot drift.
#[derive(Debug)]
pub(crate) struct Backlog {
    schedule: Schedule,
    began: Instant,
    /// Started and dropped; written by the load thread alone.
    settled: AtomicU64,
}

impl Backlog {
    /// Due operations that wait for a worker.
    pub(crate) fn depth(&self, now: Instant) -> u64 {
        count_due(&self.schedule, self.began, now).saturating_sub(self.settled.load(Relaxed))
    }
}

/// Shared by the workers of a thread through an `Rc`.
pub(crate) struct OpenLoop<R: Recorder> {
    dispatch: RefCell<DispatchQueue>,
    backlog: Arc<Backlog>,
    recorder: R,
    /// Workers that found nothing due.
    idle: Cell<u64>,
    /// Wakes them, longest idle first.
    work: Notify,
    /// Wakes the driver when the first of them appears.
    first_idle: Notify,
    max_start_delay: Duration,
    /// Nothing that is due later starts.
    end: Cell<Option<Instant>>,
    closed: Cell<bool>,
}

/// Counts a worker as idle until it is dropped, however its wait ends.
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

    /// What waits longer for a worker, or then for a connection, is dropped.
    pub(crate) fn max_start_delay(&self) -> Duration {
        self.max_start_delay
    }

    /// The next operation for the worker that asks, as soon as one is due, and the time at which it starts; `None` when
    /// the load has ended and nothing of it waits any more. Dropping the wait loses nothing.
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

    /// The time, which for what may start stands still at the load's end.
    fn until_end(&self, now: Instant) -> Instant {
        self.end.get().map_or(now, |end| now.min(end))
    }

    /// Gives up what has waited too long, also after the end, but nothing that was meant to start after it.
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

    /// Wakes the workers in time, for ever. Runs beside them on the same thread, and on the system's clock.
    pub(crate) async fn drive(&self) -> io::Result<Infallible> {
        let mut timer = Timer::new()?;
        let mut meant = now();
        loop {
            let now = now();
            // Far behind, there is no catching up tick by tick.
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
                // Whoever becomes free takes what is due by itself; only a worker that found nothing needs waking.
                tokio::select! {
                    slept = timer.sleep(REVIEW) => slept?,
                    () = self.first_idle.notified() => {}
                }
            }
        }
    }

    /// Ends the load at `now`, unless its end was before: what is due by then still starts or is dropped, and workers
    /// that find nothing are sent home.
    pub(crate) fn close(&self, now: Instant) {
        self.end.set(Some(self.until_end(now)));
        self.closed.set(true);
        self.work.notify_waiters();
    }

    /// Counts what is still queued as dropped: no worker comes any more.
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
