//! Adds up how long the threads of this process waited for a CPU. Pure: the readings of the threads are arguments.

use std::collections::BTreeMap;

/// The sum over all threads, including those that ended since an earlier reading.
#[derive(Debug, Default)]
pub(super) struct RunDelay {
    /// Nanoseconds by thread, of the last reading.
    living: BTreeMap<i32, u64>,
    /// Nanoseconds of the threads that ended.
    ended: u64,
}

impl RunDelay {
    /// Takes the wait of each living thread in nanoseconds, and returns the sum. What a thread waited after its last reading is
    /// lost when it ends. The sum never decreases.
    pub(super) fn update(&mut self, threads: BTreeMap<i32, u64>) -> u64 {
        for (thread, waited) in &self.living {
            // The kernel uses the number of a thread again. The wait of one thread never decreases, so a smaller one belongs
            // to another thread.
            if threads.get(thread).is_none_or(|now| now < waited) {
                self.ended = self.ended.saturating_add(*waited);
            }
        }
        self.living = threads;
        self.living.values().fold(self.ended, |sum, waited| sum.saturating_add(*waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_thread_that_ended_still_counts() {
        let mut delay = RunDelay::default();
        assert_eq!(delay.update([(1, 10), (2, 5)].into()), 15);
        assert_eq!(delay.update([(1, 12)].into()), 17);
        // Another thread with the number of the one that ended.
        assert_eq!(delay.update([(1, 12), (2, 1)].into()), 18);
        assert_eq!(delay.update([(1, 3), (2, 1)].into()), 21);
    }

    proptest! {
        /// The sum never decreases, whatever threads start and end.
        #[test]
        fn the_sum_never_decreases(readings in proptest::collection::vec(
            proptest::collection::btree_map(0..4i32, 0..1_000u64, 0..4), 1..20)) {
            let (mut delay, mut last) = (RunDelay::default(), 0);
            for reading in readings {
                let sum = delay.update(reading);
                prop_assert!(sum >= last);
                last = sum;
            }
        }
    }
}
