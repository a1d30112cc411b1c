//! Walks the phase machine with a real clock: does what `machine::step` says and tells it what came of it.
//! What "inject" and "heal" mean is the rig's business; no HTTP and no output here.

use std::time::{Duration, SystemTime};

use metrics_core::labels::Phase;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::run::machine::{self, Action, Event, Hold, InvalidTransition, Outcome, State};

use crate::scenario::Phases;

/// How often the ground is looked at.
const WATCH: Duration = Duration::from_secs(1);
/// So long before the end of a phase, or a tenth of it, comes the last look.
const LAST_LOOK: Duration = Duration::from_millis(100);

/// What a walk acts on.
pub(crate) trait Rig {
    /// Why an action failed.
    type Error;

    /// Looks at the ground before anything is measured. May be dropped at any await.
    fn clear(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Looks whether the ground is still as it was left. May be dropped at any await.
    fn watch(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Whether a look that was just dropped had waited for too long.
    fn waited(&mut self) -> Result<(), Self::Error>;

    /// Puts back what is gone, after a look that failed while nothing was on. Never dropped, never told to stop.
    fn repair(&mut self) -> impl Future<Output = ()> + Send;

    /// Puts the faults on and reads them back; ends early, at a safe point, once `stop` is cancelled. Never dropped.
    fn inject(&mut self, stop: &CancellationToken) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// When what is wanted of the faults changes next, `elapsed` into testing; never after its end.
    fn next_change(&self, elapsed: Duration) -> Option<Duration>;

    /// Makes the faults what is wanted `elapsed` into testing; ends early, at a safe point, once `stop` is cancelled.
    /// Never dropped.
    fn adjust(
        &mut self,
        elapsed: Duration,
        stop: &CancellationToken,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Takes the faults off and reads that back; gives why they were not as wanted any more before that. Never dropped,
    /// never told to stop.
    fn heal(&mut self) -> impl Future<Output = Result<Option<Self::Error>, Self::Error>> + Send;

    /// A phase begins.
    fn entered(&mut self, phase: Phase, at: SystemTime);
}

/// A finished walk.
#[derive(Debug)]
pub(crate) struct Walked<E> {
    pub(crate) outcome: Outcome,
    /// Every action that failed, in order.
    pub(crate) errors: Vec<E>,
}

/// Walks one run to its end. `stop` ends it early; what is on is healed first.
pub(crate) async fn walk<R: Rig>(
    rig: &mut R,
    phases: &Phases,
    stop: &CancellationToken,
) -> Result<Walked<R::Error>, InvalidTransition> {
    let mut errors = Vec::new();
    let (mut state, mut action) = machine::begin();
    // Timers run from the moment their phase began, not from when the one who starts them got round to it.
    let mut since = Instant::now();
    loop {
        let event = match action {
            Action::Clear => tokio::select! {
                biased;
                () = stop.cancelled() => Event::Cancelled,
                cleared = rig.clear(stop) => told(cleared, |()| Event::Cleared, &mut errors),
            },
            Action::StartTimer(length) if state == State::Testing => {
                match test(rig, since, length, stop).await {
                    Ok(event) => event,
                    Err(error) => failed(error, &mut errors),
                }
            }
            Action::StartTimer(length) => match sit(rig, state, since, length, stop).await {
                Ok(event) => event,
                Err(error) => failed(error, &mut errors),
            },
            Action::Inject => match rig.inject(stop).await {
                // Whatever it says, it stopped because it was told to.
                Err(_) if stop.is_cancelled() => Event::Cancelled,
                injected => told(injected, |()| Event::Injected, &mut errors),
            },
            Action::Heal => match rig.heal().await {
                Ok(lost) => {
                    let hold = if lost.is_some() { Hold::Lost } else { Hold::Held };
                    // What broke the walk off has told it already.
                    let untold = lost.filter(|_| errors.is_empty());
                    errors.extend(untold);
                    Event::Healed(hold)
                }
                Err(error) => failed(error, &mut errors),
            },
            Action::Finish(outcome) => return Ok(Walked { outcome, errors }),
        };
        since = Instant::now();
        let before = state.phase();
        (state, action) = machine::step(state, event, phases)?;
        // Idle is shown when the run is counted, in one step.
        if state.phase() != before && !matches!(state, State::Done(_)) {
            rig.entered(state.phase(), SystemTime::now());
        }
    }
}

/// Sits a phase without faults out and looks at the ground now and then, at last just before the end. Nothing is
/// injected before that look was answered; no other look moves the end.
async fn sit<R: Rig>(
    rig: &mut R,
    state: State,
    since: Instant,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Event, R::Error> {
    let last = length.saturating_sub(LAST_LOOK.min(length / 10));
    let needed = state == State::Stabilizing;
    let mut due = Duration::ZERO;
    loop {
        due = due.saturating_add(WATCH).min(last);
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Event::Cancelled),
            () = sleep_until(since, due) => {}
        }
        let watched = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Event::Cancelled),
            watched = rig.watch(stop) => watched,
            () = sleep_until(since, length), if !needed => rig.waited(),
        };
        if let Err(error) = watched {
            rig.repair().await;
            return Err(error);
        }
        if due == last || !needed && since.elapsed() >= length {
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

/// Sits testing out and brings each change about when it is due. Every moment is counted from the start, so a late
/// change shifts no later one; one that was overtaken is left out.
async fn test<R: Rig>(
    rig: &mut R,
    since: Instant,
    length: Duration,
    stop: &CancellationToken,
) -> Result<Event, R::Error> {
    let mut elapsed = Duration::ZERO;
    loop {
        let change = rig.next_change(elapsed).map_or(length, |next| next.min(length));
        let due = change.min(elapsed.saturating_add(WATCH));
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
                // A change is due: making it looks as well.
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
            // Whatever it says, it stopped because it was told to.
            Err(_) if stop.is_cancelled() => return Ok(Event::Cancelled),
            Err(_) if end.is_cancelled() => return Ok(Event::TimerElapsed),
            Err(error) => return Err(error),
        }
    }
}

fn told<T, E>(result: Result<T, E>, event: impl FnOnce(T) -> Event, errors: &mut Vec<E>) -> Event {
    match result {
        Ok(value) => event(value),
        Err(error) => failed(error, errors),
    }
}

fn failed<E>(error: E, errors: &mut Vec<E>) -> Event {
    errors.push(error);
    Event::Failed
}

async fn sleep_until(since: Instant, length: Duration) {
    match since.checked_add(length) {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
