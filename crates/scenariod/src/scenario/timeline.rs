//! The strength of each fault at each moment of testing. Pure: elapsed time is an argument, so that a late call does not
//! shift the calls after it.

use std::time::Duration;

use daemon_core::values::Fraction;

use crate::fault::Fault;
use crate::text::{format_duration, format_share};

/// The strength of a fault over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Shape {
    /// At full strength all the time.
    #[default]
    Constant,
    /// From one strength to another, in `steps` equal parts of testing, at least 2.
    Ramp { from: Fraction, to: Fraction, steps: u32 },
    /// On, off, on, and so on.
    Flap { on: Duration, off: Duration },
    /// One strength after the other, then off.
    Steps(Vec<Stretch>),
}

/// A part of `Shape::Steps`. Its level `None` is off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) length: Duration,
    pub(crate) level: Option<Fraction>,
}

impl Shape {
    /// The shape with `scale` applied to each length.
    pub(crate) fn scaled(&self, scale: impl Fn(Duration) -> Duration) -> Shape {
        // Calls to Toxiproxy take milliseconds: a shorter change would not be visible.
        let scale = |length| scale(length).max(Duration::from_millis(1));
        match self {
            Shape::Constant | Shape::Ramp { .. } => self.clone(),
            Shape::Flap { on, off } => Shape::Flap { on: scale(*on), off: scale(*off) },
            Shape::Steps(stretches) => {
                let one = |stretch: &Stretch| Stretch { length: scale(stretch.length), ..*stretch };
                Shape::Steps(stretches.iter().map(one).collect())
            }
        }
    }

    /// In words that can follow those of the fault; empty for a constant shape.
    pub(crate) fn describe(&self) -> String {
        let share = |level: Fraction| format_share(level.get());
        match self {
            Shape::Constant => String::new(),
            Shape::Ramp { from, to, steps } => {
                format!(" (from {} to {} of it in {steps} steps)", share(*from), share(*to))
            }
            Shape::Flap { on, off } => {
                format!(" ({} on, {} off)", format_duration(*on), format_duration(*off))
            }
            Shape::Steps(stretches) => {
                let one = |stretch: &Stretch| {
                    let level = stretch.level.map_or("off".to_owned(), |level| match level {
                        Fraction::ONE => "on".to_owned(),
                        level => share(level),
                    });
                    format!(" {} {level}", format_duration(stretch.length))
                };
                format!(" ({})", stretches.iter().map(one).collect::<Vec<_>>().join(",").trim_start())
            }
        }
    }

    /// Does it need a strength between off and full?
    pub(crate) fn is_graded(&self) -> bool {
        match self {
            Shape::Constant | Shape::Flap { .. } => false,
            Shape::Ramp { .. } => true,
            Shape::Steps(stretches) => {
                stretches.iter().filter_map(|stretch| stretch.level).any(|level| level != Fraction::ONE)
            }
        }
    }

    /// The strength at `elapsed` in a testing phase of this length, and the time of its next change.
    fn at(&self, elapsed: Duration, testing: Duration) -> (Option<Fraction>, Option<Duration>) {
        match self {
            Shape::Constant => (Some(Fraction::ONE), None),
            Shape::Ramp { from, to, steps } => {
                let part = testing.div_f64(f64::from(*steps)).max(Duration::from_nanos(1));
                let last = steps.saturating_sub(1);
                let step = u32::try_from(elapsed.as_nanos() / part.as_nanos()).unwrap_or(last).min(last);
                let share = f64::from(step) / f64::from(last.max(1));
                let level = Fraction::new(from.get() + (to.get() - from.get()) * share);
                (level, (step < last).then(|| part.saturating_mul(step + 1)))
            }
            Shape::Flap { on, off } => {
                let period = on.saturating_add(*off);
                let within = nanos(elapsed.as_nanos() % period.as_nanos().max(1));
                let begin = elapsed - within;
                if within < *on {
                    (Some(Fraction::ONE), Some(begin.saturating_add(*on)))
                } else {
                    (None, Some(begin.saturating_add(period)))
                }
            }
            Shape::Steps(stretches) => {
                let mut end = Duration::ZERO;
                for stretch in stretches {
                    end = end.saturating_add(stretch.length);
                    if elapsed < end {
                        return (stretch.level, Some(end));
                    }
                }
                (None, None)
            }
        }
    }
}

/// A fault and its strength over time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Course {
    pub(crate) fault: Fault,
    pub(crate) shape: Shape,
}

impl Course {
    /// The fault at `elapsed` in a testing phase of this length; `None` is off.
    pub(crate) fn at(&self, elapsed: Duration, testing: Duration) -> Option<Fault> {
        self.fault.at(self.shape.at(elapsed, testing).0?)
    }

    /// The strength at that time.
    pub(crate) fn level(&self, elapsed: Duration, testing: Duration) -> Option<Fraction> {
        self.shape.at(elapsed, testing).0
    }

    /// The time of the next change before the end of testing.
    pub(crate) fn next_change(&self, elapsed: Duration, testing: Duration) -> Option<Duration> {
        self.shape.at(elapsed, testing).1.filter(|next| *next < testing)
    }
}

/// Nanoseconds as a duration, limited to some centuries.
fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
