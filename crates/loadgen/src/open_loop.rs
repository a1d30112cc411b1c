//! The open loop of one load thread: hands due operations to free workers in order, wakes them in time, and counts
//! what came late or never. Which operations those are is decided in `dispatch`, when to wake in `timer`.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use metrics_core::families::client::ClientShard;
use tokio::sync::Notify;

use crate::dispatch::{Dispatch, Start, due};
use crate::profile::Schedule;
use crate::stack::deadline::now;
use crate::timer::{TICK, Timer, wake};

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
        due(&self.schedule, self.began, now).saturating_sub(self.settled.load(Relaxed))
    }
}

/// Shared by the workers of a thread through an `Rc`.
#[derive(Debug)]
pub(crate) struct OpenLoop {
    dispatch: RefCell<Dispatch>,
    backlog: Arc<Backlog>,
    shard: Arc<ClientShard>,
    /// Workers that found nothing due.
    idle: Cell<u64>,
    /// Wakes them, longest idle first.
    work: Notify,
    /// Wakes the driver when the first of them appears.
    hungry: Notify,
    closed: Cell<bool>,
}

/// Counts a worker as idle until it is dropped, however its wait ends.
struct Idle<'a>(&'a Cell<u64>);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl OpenLoop {
    pub(crate) fn new(
        schedule: Schedule,
        began: Instant,
        max_start_delay: Duration,
        shard: Arc<ClientShard>,
    ) -> Self {
        Self {
            dispatch: RefCell::new(Dispatch::new(schedule, began, max_start_delay)),
            backlog: Arc::new(Backlog { schedule, began, settled: AtomicU64::new(0) }),
            shard,
            idle: Cell::new(0),
            work: Notify::new(),
            hungry: Notify::new(),
            closed: Cell::new(false),
        }
    }

    /// For the gauge of the queue's depth.
    pub(crate) fn backlog(&self) -> Arc<Backlog> {
        Arc::clone(&self.backlog)
    }

    /// The next operation for the worker that asks, as soon as one is due, and the time at which it starts; `None` when
    /// the load has ended. Dropping the wait loses nothing.
    pub(crate) async fn next(&self) -> Option<(Start, Instant)> {
        while !self.closed.get() {
            let now = now();
            if let Some(start) = self.take(now) {
                return Some((start, now));
            }
            self.idle.set(self.idle.get() + 1);
            let _idle = Idle(&self.idle);
            if self.idle.get() == 1 {
                self.hungry.notify_one();
            }
            self.work.notified().await;
        }
        None
    }

    fn take(&self, now: Instant) -> Option<Start> {
        let turn = self.dispatch.borrow_mut().take(now);
        self.count_dropped(turn.dropped);
        let start = turn.start?;
        self.settle();
        self.shard.started_late(now.saturating_duration_since(start.intended));
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
            let dropped = self.dispatch.borrow_mut().expire(now);
            self.count_dropped(dropped);
            let (queued, next) = {
                let dispatch = self.dispatch.borrow();
                (dispatch.queued(now), dispatch.next_start())
            };
            let idle = self.idle.get();
            for _ in 0..queued.min(idle) {
                self.work.notify_one();
            }
            if idle > 0 {
                meant = wake(meant, next);
                timer.sleep(meant.saturating_duration_since(now)).await?;
            } else {
                // Whoever becomes free takes what is due by itself; only a worker that found nothing needs waking.
                tokio::select! {
                    slept = timer.sleep(REVIEW) => slept?,
                    () = self.hungry.notified() => {}
                }
            }
        }
    }

    /// Ends the load at `now`: what is still queued counts as dropped, and idle workers are sent home.
    pub(crate) fn close(&self, now: Instant) {
        self.closed.set(true);
        let abandoned = self.dispatch.borrow_mut().abandon(now);
        self.count_dropped(abandoned);
        self.work.notify_waiters();
    }

    fn count_dropped(&self, operations: u64) {
        if operations > 0 {
            self.shard.dropped(operations);
            self.settle();
        }
    }

    fn settle(&self) {
        self.backlog.settled.store(self.dispatch.borrow().settled(), Relaxed);
    }
}

#[cfg(test)]
mod tests;
