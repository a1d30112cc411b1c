//! Walks the phases of one run in real time: does the actions of `machine::step` and passes it the events. The rig knows
//! what an action means. This file makes no HTTP call and prints nothing.

use std::time::{Duration, SystemTime};

use metrics_core::labels::Phase;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::run::machine::{self, Action, Event, FaultPresence, InvalidTransition, Outcome, State};
use crate::scenario::Phases;

/// The interval between two checks of Toxiproxy.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long before the end of a phase the last check begins. In a short phase: a tenth of the phase.
const LAST_WATCH: Duration = Duration::from_millis(100);

/// What a walk acts on: Toxiproxy, or a substitute in tests.
pub(crate) trait Rig {
    /// Why an action failed.
    type Error;

    /// Prepares Toxiproxy before anything is measured. May be dropped at any await.
    fn preflight(&mut self, stop: &CancellationToken)
    -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Checks that Toxiproxy still holds what it should. May be dropped at any await.
    fn watch(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Checks whether a `watch` that was just dropped had waited for too long.
    fn check_dropped_watch(&mut self) -> Result<(), Self::Error>;

    /// Restores lost proxies after a `watch` that failed while no fault was on. Never dropped, and nothing stops it.
    fn repair(&mut self) -> impl Future<Output = ()> + Send;

    /// Injects the faults and reads them back. Ends early, at a safe point, once `stop` is cancelled. Never dropped.
    fn inject(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// When the wanted faults change next after `elapsed` of testing. `None`: not before its end.
    fn next_change(&self, elapsed: Duration) -> Option<Duration>;

    /// Makes the faults what is wanted after `elapsed` of testing. Ends early, at a safe point, once `stop` is cancelled.
    /// Never dropped.
    fn adjust(
        &mut self,
        elapsed: Duration,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Removes the faults and reads back that they are gone. Gives why they were not as wanted before, if they were not.
    /// Never dropped, and nothing stops it.
    fn heal(&mut self) -> impl Future<Output = Result<Option<Self::Error>, Self::Error>> + Send;

    /// A phase begins.
    fn phase_entered(&mut self, phase: Phase, at: SystemTime);
}

/// The result of a walk.
#[derive(Debug)]
pub(crate) struct WalkResult<E> {
    pub(crate) outcome: Outcome,
    /// Every action that failed, in order.
    pub(crate) errors: Vec<E>,
}

/// Walks one run to its end. `stop` ends it early, after the faults are removed.
pub(crate) async fn walk<R: Rig>(
    rig: &mut R,
    phases: &Phases,
    stop: &CancellationToken,
) -> Result<WalkResult<R::Error>, InvalidTransition> {
    let mut errors = Vec::new();
    let (mut state, mut action) = machine::begin();
    // Timers count from the moment when the phase began, not from when they were started.
    let mut since = Instant::now();
    loop {
        let result = match action {
            Action::Preflight => preflight(rig, stop).await,
            Action::StartTimer(length) if state == State::Testing => {
                walk_testing(rig, since, length, stop).await
            }
            Action::StartTimer(length) => walk_quiet_phase(rig, state, since, length, stop).await,
            Action::Inject => inject(rig, stop).await,
            Action::Heal => rig.heal().await.map(|lost| {
                let presence = if lost.is_some() { FaultPresence::Lost } else { FaultPresence::Kept };
                // An earlier error has already said why.
                if errors.is_empty() {
                    errors.extend(lost);
                }
                Event::Healed(presence)
            }),
            Action::Finish(outcome) => return Ok(WalkResult { outcome, errors }),
        };
        let event = result.unwrap_or_else(|error| {
            errors.push(error);
            Event::Failed
        });
        since = Instant::now();
        let before = state.phase();
        (state, action) = machine::step(state, event, phases)?;
        // Idle is exported together with the count of runs, in one step.
        if state.phase() != before && !matches!(state, State::Done(_)) {
            rig.phase_entered(state.phase(), SystemTime::now());
        }
    }
}

async fn preflight<R: Rig>(rig: &mut R, stop: &CancellationToken) -> Result<Event, R::Error> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(Event::Cancelled),
        result = rig.preflight(stop) => result.map(|()| Event::PreflightPassed),
    }
}

async fn inject<R: Rig>(rig: &mut R, stop: &CancellationToken) -> Result<Event, R::Error> {
    match rig.inject(stop).await {
        // Any error after `stop` is a consequence of it.
        Err(_) if stop.is_cancelled() => Ok(Event::Cancelled),
        result => result.map(|()| Event::Injected),
    }
}

/// Waits until the end of a phase without faults and checks Toxiproxy at intervals, for the last time just before the end.
/// Nothing is injected before that last check is answered. No other check delays the end of a phase.
async fn walk_quiet_phase<R: Rig>(
    rig: &mut R,
    state: State,
    since: Instant,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Event, R::Error> {
    let last = length.saturating_sub(LAST_WATCH.min(length / 10));
    let must_be_answered = state == State::Stabilizing;
    let mut due = Duration::ZERO;
    loop {
        due = due.saturating_add(WATCH_INTERVAL).min(last);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Event::Cancelled),
            () = sleep_until(since, due) => {}
        }
        let watched = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Event::Cancelled),
            watched = rig.watch(stop) => watched,
            () = sleep_until(since, length), if !must_be_answered => rig.check_dropped_watch(),
        };
        if let Err(error) = watched {
            rig.repair().await;
            return Err(error);
        }
        if due == last || !must_be_answered && since.elapsed() >= length {
            break;
        }
        due = due.max(since.elapsed()).min(last);
    }
    tokio::select! {
        biased;
        () = stop.cancelled() => Ok(Event::Cancelled),
        () = sleep_until(since, length) => Ok(Event::TimerElapsed),
    }
}

/// Waits until the end of testing and makes each change of the faults when it is due. Every moment counts from the start
/// of testing: a late change does not delay later ones, and a change that is overtaken by the next is skipped.
async fn walk_testing<R: Rig>(
    rig: &mut R,
    since: Instant,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Event, R::Error> {
    let mut elapsed = Duration::ZERO;
    loop {
        let change = rig.next_change(elapsed).map_or(length, |next| next.min(length));
        let due = change.min(elapsed.saturating_add(WATCH_INTERVAL));
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Event::Cancelled),
            () = sleep_until(since, due) => {}
        }
        elapsed = since.elapsed().max(due);
        if elapsed >= length {
            return Ok(Event::TimerElapsed);
        }
        if elapsed < change {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Event::Cancelled),
                watched = rig.watch(stop) => watched?,
                // A change is due, and making it checks as well.
                () = sleep_until(since, change) => {}
            }
            continue;
        }
        let end = stop.child_token();
        let adjusted = {
            let mut adjust = std::pin::pin!(rig.adjust(elapsed, &end));
            tokio::select! {
                biased;
                adjusted = &mut adjust => adjusted,
                () = sleep_until(since, length) => {
                    end.cancel();
                    adjust.await
                }
            }
        };
        match adjusted {
            Ok(()) => {}
            // Any error after a stop is a consequence of it.
            Err(_) if stop.is_cancelled() => return Ok(Event::Cancelled),
            Err(_) if end.is_cancelled() => return Ok(Event::TimerElapsed),
            Err(error) => return Err(error),
        }
    }
}

async fn sleep_until(since: Instant, length: Duration) {
    match since.checked_add(length) {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
