//! How often each key is used: a few hot keys and an even rest, or a Zipf distribution. In both, a smaller index is used
//! more often. Pure; the text of keys is in `keys`.

use fastrand::Rng;

use crate::keys::KeySpace;
use crate::zipf::Zipf;

/// The distribution of requests over the keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Popularity {
    /// The first keys get a fixed share of the requests.
    Hot(KeySpace),
    Zipf(Zipf),
}

impl Popularity {
    /// The number of keys.
    pub(crate) fn keys(&self) -> u64 {
        match self {
            Self::Hot(space) => space.keys,
            Self::Zipf(zipf) => zipf.ranks(),
        }
    }

    /// A key's index, below [`Popularity::keys`].
    pub(crate) fn draw(&self, rng: &mut Rng) -> u64 {
        match self {
            Self::Hot(space) => space.draw(rng),
            Self::Zipf(zipf) => zipf.draw(rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use proptest::prelude::*;

    use super::Popularity;
    use crate::keys::KeySpace;
    use crate::zipf::Zipf;

    proptest! {
        /// Every draw is one of the keys, and low indices are drawn more often than high ones.
        #[test]
        fn the_first_keys_are_drawn_most_often(seed: u64, keys in 100..500u64, hot in 1..40u64, exponent in 0.6..2.0f64) {
            let hot = Popularity::Hot(KeySpace { keys, hot_keys: hot });
            let zipf = Popularity::Zipf(Zipf::new(keys, exponent).unwrap());
            for popularity in [hot, zipf] {
                prop_assert_eq!(popularity.keys(), keys);
                let mut rng = Rng::with_seed(seed);
                let drawn: Vec<u64> = (0..4_000).map(|_| popularity.draw(&mut rng)).collect();
                prop_assert!(drawn.iter().all(|index| *index < keys));
                let low = drawn.iter().filter(|index| **index < keys / 2).count();
                prop_assert!(low > 2_100, "{} of 4000 in the lower half", low);
            }
        }
    }
}
