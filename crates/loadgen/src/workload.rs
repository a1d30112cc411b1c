//! The operations to send: their mix and their keys. Pure: randomness is an argument, so equal seeds give equal operations.

use fastrand::Rng;
use metrics_core::labels::Operation;

use crate::keys::Key;
use crate::popularity::Popularity;

/// The relative shares of the operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights {
    pub(crate) get: u32,
    pub(crate) set: u32,
    pub(crate) delete: u32,
    pub(crate) increment: u32,
}

/// One operation to perform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Op {
    pub(crate) kind: Operation,
    pub(crate) key: Key,
}

/// Draws operations in the shares of the weights.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OpMix {
    weights: Weights,
    total: u32,
    pub(crate) keys: Popularity,
}

impl OpMix {
    pub(crate) fn new(weights: Weights, keys: Popularity) -> Self {
        let total = weights.get + weights.set + weights.delete + weights.increment;
        Self { weights, total, keys }
    }

    pub(crate) fn draw(&self, rng: &mut Rng) -> Op {
        let Weights { get, set, delete, .. } = self.weights;
        let draw = rng.u32(..self.total.max(1));
        let index = self.keys.draw(rng);
        let kind = if draw < get {
            Operation::Get
        } else if draw < get + set {
            Operation::Set
        } else if draw < get + set + delete {
            Operation::Delete
        } else {
            Operation::Increment
        };
        let key = if kind == Operation::Increment { Key::Counter(index) } else { Key::Item(index) };
        Op { kind, key }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use metrics_core::labels::Operation;
    use proptest::prelude::*;

    use super::{OpMix, Weights};
    use crate::keys::{Key, KeySpace};
    use crate::popularity::Popularity;

    const MIXED: Weights = Weights { get: 60, set: 30, delete: 5, increment: 5 };

    fn mix(weights: Weights) -> OpMix {
        OpMix::new(weights, Popularity::Hot(KeySpace { keys: 10_000, hot_keys: 10 }))
    }

    proptest! {
        /// Equal seeds give equal operations.
        #[test]
        fn equal_seeds_give_equal_operations(seed: u64) {
            let (mut one, mut other) = (Rng::with_seed(seed), Rng::with_seed(seed));
            for _ in 0..1_000 {
                let mix = mix(MIXED);
                prop_assert_eq!(mix.draw(&mut one), mix.draw(&mut other));
            }
        }

        /// Over many draws, the share of each operation differs from its weight by less than two percent of all draws.
        #[test]
        fn shares_follow_the_weights(seed: u64, get in 0..=40u32, set in 0..=40u32, delete in 0..=20u32) {
            let weights = Weights { get, set, delete, increment: 100 - get - set - delete };
            let (mix, mut rng) = (mix(weights), Rng::with_seed(seed));
            let mut seen = [0f64; 4];
            for _ in 0..20_000 {
                seen[mix.draw(&mut rng).kind.index()] += 1.0 / 200.0;
            }
            let expected = [
                (Operation::Get, weights.get), (Operation::Set, weights.set),
                (Operation::Delete, weights.delete), (Operation::Increment, weights.increment),
            ];
            for (operation, weight) in expected {
                let share = seen[operation.index()];
                prop_assert!((share - f64::from(weight)).abs() < 2.0, "{:?}: {} of {}", operation, share, weight);
            }
        }

        /// Counters have their own keys: increments use only these keys, and no other operation uses them.
        #[test]
        fn counters_have_their_own_keys(seed: u64) {
            let (mix, mut rng) = (mix(MIXED), Rng::with_seed(seed));
            for _ in 0..1_000 {
                let op = mix.draw(&mut rng);
                prop_assert_eq!(op.kind == Operation::Increment, matches!(op.key, Key::Counter(_)));
            }
        }
    }
}
