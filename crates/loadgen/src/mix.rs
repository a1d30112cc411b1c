//! The bit mixing of splitmix64, for hashes, stamps and seeds. Pure. What is mixed is decided where it is used.
//!
//! Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (OOPSLA 2014), with the constants of
//! Sebastiano Vigna's public domain `splitmix64.c`, <https://prng.di.unimi.it/splitmix64.c>.

/// 2^64 divided by the golden ratio, made odd: consecutive multiples differ in many bits.
pub(crate) const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The multiplier of the first round. Where a full [`mix64`] is too slow, one round with it is often enough.
pub(crate) const MULTIPLIER: u64 = 0xbf58_476d_1ce4_e5b9;

/// The finalizer: every bit of the result depends on every bit of the word, and different words give different results.
#[inline]
pub(crate) fn mix64(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(MULTIPLIER);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The seed of one of many random sequences that all come from one seed. Different indices give different seeds.
#[inline]
pub(crate) fn derive_seed(seed: u64, index: u64) -> u64 {
    seed ^ index.wrapping_mul(GOLDEN_GAMMA)
}

#[cfg(test)]
mod tests {
    use super::{GOLDEN_GAMMA, mix64};

    /// The first outputs of `splitmix64.c` for the seeds 0 and 1234567.
    #[test]
    fn results_equal_the_published_ones() {
        assert_eq!(mix64(GOLDEN_GAMMA), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix64(GOLDEN_GAMMA.wrapping_add(1_234_567)), 6_457_827_717_110_365_317);
    }
}
