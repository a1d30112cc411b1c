//! When a worker of a closed loop starts its next operation. Pure: the caller passes the time and waits.

use std::time::{Duration, Instant};

/// The minimum pause after an operation that was refused without I/O, so that an open breaker does not cause a busy loop.
pub(crate) const REFUSAL_COST: Duration = Duration::from_millis(1);

/// Whether an operation was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// It was sent to a node, with any result.
    Exchanged,
    /// It was not sent: the breaker was open or no connection was free.
    Refused,
}

/// The pace of a closed loop: the next operation starts after the end of the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pacer {
    /// Pause after every operation.
    pub(crate) think_time: Duration,
}

impl Pacer {
    /// When to start the next operation after one that ended at `ended`. `None` means at once.
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
        /// The pause after a refused operation is at least the refusal cost and at least the think time.
        #[test]
        fn a_refused_operation_is_followed_by_a_pause(think_us in 0..20_000u64) {
            let think_time = Duration::from_micros(think_us);
            let ended = Instant::now();
            let next = Pacer { think_time }.next(ended, Cost::Refused).unwrap();
            prop_assert!(next - ended >= REFUSAL_COST && next - ended >= think_time);
        }

        /// The pause after an operation that was sent is exactly the think time.
        #[test]
        fn an_operation_that_was_sent_is_followed_by_the_think_time(think_us in 0..20_000u64) {
            let think_time = Duration::from_micros(think_us);
            let ended = Instant::now();
            let next = Pacer { think_time }.next(ended, Cost::Exchanged);
            prop_assert_eq!(next, (think_us > 0).then(|| ended + think_time));
        }
    }
}
