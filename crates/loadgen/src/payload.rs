//! Sizes and times to live of values: distributions from which each write draws. Pure; the content of values is in `value`.

use std::num::NonZeroU32;
use std::time::Duration;

use fastrand::Rng;

/// Bytes. memcached's default item limit is 1 MiB, including its header and the key.
pub(crate) const MAX_SIZE: usize = 1_000_000;

/// memcached reads a larger number as a date.
const MAX_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Sizes of values, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Fixed(usize),
    /// Uniform from `min` to `max`, including both.
    Range {
        min: usize,
        max: usize,
    },
    Weighted(WeightedSizes),
}

/// Several sizes, each with a weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WeightedSizes {
    /// Each size with the sum of the weights up to and including its own.
    steps: Vec<(u32, usize)>,
    total: u32,
}

impl WeightedSizes {
    /// From sizes with weights. `None` if the sum of the weights is 0 or does not fit 32 bits.
    pub(crate) fn new(entries: impl IntoIterator<Item = (usize, u32)>) -> Option<Self> {
        let mut total = 0u32;
        let mut steps = Vec::new();
        for (size, weight) in entries.into_iter().filter(|(_, weight)| *weight > 0) {
            total = total.checked_add(weight)?;
            steps.push((total, size));
        }
        (total > 0).then_some(Self { steps, total })
    }

    fn draw(&self, rng: &mut Rng) -> usize {
        let draw = rng.u32(..self.total);
        self.steps[self.steps.partition_point(|(sum, _)| *sum <= draw)].1
    }
}

impl Sizes {
    pub(crate) fn draw(&self, rng: &mut Rng) -> usize {
        match self {
            Self::Fixed(size) => *size,
            Self::Range { min, max } => rng.usize(*min..=*max),
            Self::Weighted(sizes) => sizes.draw(rng),
        }
    }
}

/// A time to live, in memcached's whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ttl(NonZeroU32);

impl Ttl {
    /// Whole seconds, from 1 second to 30 days. The error says which rule is broken.
    pub(crate) fn new(ttl: Duration) -> Result<Self, &'static str> {
        if ttl.subsec_nanos() != 0 {
            return Err("must be whole seconds");
        }
        if ttl > MAX_TTL {
            return Err("must be at most 30 days");
        }
        let seconds = u32::try_from(ttl.as_secs()).ok().and_then(NonZeroU32::new);
        seconds.map(Self).ok_or("must be at least 1s")
    }

    pub(crate) fn seconds(self) -> u32 {
        self.0.get()
    }
}

/// The times to live of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ttls {
    #[default]
    Forever,
    Fixed(Ttl),
    /// Uniform from `min` to `max`, including both.
    Range {
        min: Ttl,
        max: Ttl,
    },
}

impl Ttls {
    /// Seconds, as memcached expects them; 0 means for ever.
    pub(crate) fn draw(&self, rng: &mut Rng) -> u32 {
        match self {
            Self::Forever => 0,
            Self::Fixed(ttl) => ttl.seconds(),
            Self::Range { min, max } => rng.u32(min.seconds()..=max.seconds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use fastrand::Rng;
    use proptest::prelude::*;

    use super::{Sizes, Ttl, Ttls, WeightedSizes};

    fn seconds(seconds: u64) -> Ttl {
        Ttl::new(Duration::from_secs(seconds)).unwrap()
    }

    proptest! {
        /// Sizes and times to live stay within their bounds, and both bounds occur.
        #[test]
        fn draws_stay_within_their_bounds(seed: u64, min in 1..1_000u32, more in 0..5u32) {
            let max = min + more;
            let (low, high) = (min as usize, max as usize);
            let sizes = Sizes::Range { min: low, max: high };
            let ttls = Ttls::Range { min: seconds(min.into()), max: seconds(max.into()) };
            let mut rng = Rng::with_seed(seed);
            let sizes: Vec<usize> = (0..500).map(|_| sizes.draw(&mut rng)).collect();
            let ttls: Vec<u32> = (0..500).map(|_| ttls.draw(&mut rng)).collect();
            prop_assert_eq!((sizes.iter().min(), sizes.iter().max()), (Some(&low), Some(&high)));
            prop_assert_eq!((ttls.iter().min(), ttls.iter().max()), (Some(&min), Some(&max)));
            prop_assert_eq!(Sizes::Fixed(low).draw(&mut rng), low);
            prop_assert_eq!(Ttls::Fixed(seconds(min.into())).draw(&mut rng), min);
        }

        /// Over many draws, the share of each size differs from its weight by less than two percent of all draws.
        #[test]
        fn sizes_follow_their_weights(seed: u64, weights in proptest::collection::vec(0..50u32, 1..6)) {
            let entries = weights.iter().enumerate().map(|(size, weight)| (size, *weight));
            let Some(sizes) = WeightedSizes::new(entries) else {
                prop_assert_eq!(weights.iter().sum::<u32>(), 0);
                return Ok(());
            };
            let (sizes, mut rng) = (Sizes::Weighted(sizes), Rng::with_seed(seed));
            let mut seen = BTreeMap::new();
            for _ in 0..20_000 {
                *seen.entry(sizes.draw(&mut rng)).or_insert(0.0) += 1.0 / 20_000.0;
            }
            for (size, weight) in weights.iter().enumerate() {
                let wanted = f64::from(*weight) / f64::from(weights.iter().sum::<u32>());
                let share = seen.get(&size).copied().unwrap_or(0.0);
                prop_assert!((share - wanted).abs() < 0.02, "{}: {} for {}", size, share, wanted);
                prop_assert!(*weight > 0 || share == 0.0);
            }
        }
    }

    #[test]
    fn invalid_times_to_live_are_refused() {
        assert_eq!(Ttl::new(Duration::ZERO), Err("must be at least 1s"));
        assert_eq!(Ttl::new(Duration::from_millis(1_500)), Err("must be whole seconds"));
        assert_eq!(Ttl::new(Duration::from_secs(30 * 86_400 + 1)), Err("must be at most 30 days"));
        assert_eq!(seconds(30 * 86_400).seconds(), 2_592_000);
        assert_eq!(Ttls::Forever.draw(&mut Rng::with_seed(1)), 0);
        assert_eq!(WeightedSizes::new([(1, u32::MAX), (2, 1)]), None);
    }
}
