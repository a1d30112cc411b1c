//! Decides which failed expectations a shortage of the machine can explain. For each kind of measurement there is a limit to what
//! a shortage of a given size can cause. A failure within the limit is inconclusive, one beyond it stays failed. Pure.
//!
//! docs/verdicts.md explains the limits to users, with the same numbers.

use std::time::Duration;

use metrics_core::labels::Finding;

use super::miss::Miss;
use super::shortage::Shortage;
use super::{Cause, Judgement};
use crate::promql::measured::{Measured, Side, Threshold};
use crate::scenario::During;
use crate::scenario::expectation::{Expectation, Must};

/// Operations that became due during a wait are sent after it, and delay those that become due meanwhile. So a wait changes at
/// most twice as many operations as became due in it.
const BACKLOG: f64 = 2.0;
/// A share of 1 would excuse everything that is not a wrong value.
const LARGEST: f64 = 0.95;
/// One operation fails if it waits for its timeout, 0.5 s by default. That is a tenth of the 5 s of a sample.
const ONE_FAILURE: f64 = 0.1;

/// The judgement, or an inconclusive one if the shortage explains why it failed.
pub(crate) fn excuse(
    expectation: &Expectation,
    judgement: Judgement,
    shortage: &Shortage,
    interval: Duration,
) -> Judgement {
    if judgement.finding != Some(Finding::Fail) {
        return judgement;
    }
    let phase = if expectation.during == During::Run { "the run" } else { expectation.during.as_str() };
    let explained =
        judgement.miss.as_ref().is_some_and(|miss| explains(expectation, miss, shortage, interval));
    match shortage.describe(phase).filter(|_| explained) {
        Some(what) => {
            let reason = format!("{}; the machine can have caused this: {what}", judgement.reason);
            Judgement { reason, finding: Some(Finding::Inconclusive), cause: Cause::Machine, ..judgement }
        }
        None => judgement,
    }
}

fn explains(expectation: &Expectation, miss: &Miss, shortage: &Shortage, interval: Duration) -> bool {
    let measured = expectation.query.measured();
    if measured == Measured::WrongValues {
        return false;
    }
    if shortage.restarted().is_some() {
        return true;
    }
    match miss {
        Miss::Factor { ratio, bounds } => {
            match (bounds.at_least, bounds.at_most) {
                (Some(least), _) if *ratio < least => match measured {
                    // What is slow without CPUs does not become fast.
                    Measured::Quantile(_) => false,
                    _ => *ratio >= least * (1.0 - hit(shortage.missing_starts())),
                },
                (_, Some(most)) if *ratio > most => rises(measured, shortage),
                _ => false,
            }
        }
        Miss::Moment { value } => match (value, expectation.query.threshold()) {
            (Some(value), Some(threshold)) => {
                reaches(measured, *value, threshold, expectation.must, shortage)
            }
            _ => rises(measured, shortage),
        },
        Miss::Late { points } => {
            let Must::Within(limit) = expectation.must else { return false };
            let delay = shortage.delay().min(LARGEST);
            let due = (limit + interval).as_secs_f64() / (1.0 - delay);
            let late = points.iter().filter(|(at, _)| *at > due);
            let (mut all, mut untrue) = (0.0, 0.0);
            for (_, held) in late {
                all += 1.0;
                untrue += f64::from(u8::from(!held));
            }
            // What comes true later than that is too late. What is false again after that may be a few late operations.
            let Some((first, _)) = points.iter().find(|(_, held)| *held) else { return false };
            let in_the_end = points.last().is_some_and(|(_, held)| *held);
            if all == 0.0 { in_the_end } else { *first <= due && untrue <= hit(shortage.worst_stall()) * all }
        }
        // A shortage prevents what should happen only if hardly anything happens.
        Miss::Never => hit(shortage.stalled()) >= LARGEST,
    }
}

/// The share of the operations that a stall of this share of the time delays.
fn hit(stall: f64) -> f64 {
    (BACKLOG * stall).min(LARGEST)
}

/// Whether a shortage can raise the value to any height.
fn rises(measured: Measured, shortage: &Shortage) -> bool {
    match measured {
        Measured::WrongValues => false,
        // Times rise already if operations are slower.
        Measured::Quantile(quantile) => hit(shortage.slowed()) >= 1.0 - quantile,
        Measured::State | Measured::Share | Measured::Amount => shortage.worst_stall() >= ONE_FAILURE,
    }
}

/// Whether a shortage can move a value over a threshold as far as it was.
fn reaches(measured: Measured, value: f64, threshold: Threshold, must: Must, shortage: &Shortage) -> bool {
    // `never` fails on the side on which the query is true, all others on the side on which it is false.
    let failed_above = (threshold.side == Side::Above) == (must == Must::Never);
    let (bound, share) = (threshold.value, hit(shortage.worst_stall()));
    match measured {
        Measured::WrongValues => false,
        Measured::Share if failed_above => value <= bound + share,
        Measured::Share => value >= bound - share,
        Measured::Amount if !failed_above => {
            value >= bound * (1.0 - share.max(hit(shortage.missing_starts())))
        }
        Measured::State | Measured::Quantile(_) | Measured::Amount => rises(measured, shortage),
    }
}

#[cfg(test)]
mod tests;
