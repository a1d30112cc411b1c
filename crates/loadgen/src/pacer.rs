//! When a worker of a closed loop starts its next operation. Pure: the caller brings the time and does the waiting.

use std::time::{Duration, Instant};

/// An operation refused without I/O costs its worker at least this, so that an open breaker is no hot loop.
pub(crate) const REFUSAL_COST: Duration = Duration::from_millis(1);

/// How an operation ended, as far as the pace cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It went out to a node, whatever came of it.
    Exchanged,
    /// It never left the process: breaker open or no connection free.
    Refused,
}

/// The pace of a closed loop: the next operation follows the end of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pacer {
    /// Waited after every operation.
    pub(crate) think_time: Duration,
}

impl Pacer {
    /// When to start after an operation that ended at `ended`; `None` is at once.
    pub(crate) fn next(&self, ended: Instant, cost: Cost) -> Option<Instant> {
        let pause = match cost {
            Cost::Exchanged => self.think_time,
            Cost::Refused => self.think_time.max(REFUSAL_COST),
        };
        (!pause.is_zero()).then(|| ended + pause)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::{Cost, Pacer, REFUSAL_COST};

    proptest! {
        /// A refused operation never costs less than the refusal cost nor less than the think time.
        #[test]
        fn refusals_are_never_free(think_us in 0..20_000u64) {
            let think_time = Duration::from_micros(think_us);
            let ended = Instant::now();
            let next = Pacer { think_time }.next(ended, Cost::Refused).unwrap();
            prop_assert!(next - ended >= REFUSAL_COST && next - ended >= think_time);
        }

        /// The think time is waited after every operation that went out, and nothing is waited without one.
        #[test]
        fn think_time_follows_every_operation(think_us in 0..20_000u64) {
            let think_time = Duration::from_micros(think_us);
            let ended = Instant::now();
            let next = Pacer { think_time }.next(ended, Cost::Exchanged);
            prop_assert_eq!(next, (think_us > 0).then(|| ended + think_time));
        }
    }
}
