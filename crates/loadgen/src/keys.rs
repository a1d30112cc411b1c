//! The keys of a run and their text. Pure; the text is written into the caller's buffer.

use fastrand::Rng;

/// Percent of requests that go to the hot keys.
const HOT_SHARE: u32 = 30;

/// A key as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The key of a value.
    Item(u64),
    /// The key of a counter, which is only incremented.
    Counter(u64),
}

impl Key {
    pub(crate) fn index(self) -> u64 {
        match self {
            Self::Item(index) | Self::Counter(index) => index,
        }
    }

    /// Replaces the buffer's content with the key's text.
    pub(crate) fn write(self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(match self {
            Self::Item(_) => b"key:",
            Self::Counter(_) => b"counter:",
        });
        let mut digits = [b'0'; DIGITS];
        let mut rest = self.index();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        buffer.extend_from_slice(&digits);
    }
}

/// Digits of every key. All keys have the same length, so that they cost the same.
const DIGITS: usize = 10;

/// The number of different keys that these digits allow.
pub(crate) const MAX_KEYS: u64 = 10u64.pow(DIGITS as u32);

/// The number of keys, and how many of them are hot. The first `hot_keys` get 30% of the requests, and their even share of
/// the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeySpace {
    pub(crate) keys: u64,
    pub(crate) hot_keys: u64,
}

impl KeySpace {
    pub(crate) fn draw(&self, rng: &mut Rng) -> u64 {
        let hot = self.hot_keys > 0 && rng.u32(..100) < HOT_SHARE;
        rng.u64(..if hot { self.hot_keys } else { self.keys.max(1) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use fastrand::Rng;
    use proptest::prelude::*;

    use super::{Key, KeySpace, MAX_KEYS};

    fn text(key: Key) -> String {
        let mut buffer = b"left over".to_vec();
        key.write(&mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    proptest! {
        /// Different keys have different texts, and the text contains the key's number.
        #[test]
        fn different_keys_have_different_texts(indices in proptest::collection::hash_set(0..MAX_KEYS, 1..50)) {
            let texts: HashSet<String> =
                indices.iter().flat_map(|index| [text(Key::Item(*index)), text(Key::Counter(*index))]).collect();
            prop_assert_eq!(texts.len(), indices.len() * 2);
            for index in indices {
                prop_assert_eq!(text(Key::Item(index)), format!("key:{index:010}"));
            }
        }

        /// Every drawn index is inside the key space, with and without hot keys.
        #[test]
        fn draws_stay_inside(seed: u64, keys in 1..500u64, hot in 0..500u64) {
            let space = KeySpace { keys, hot_keys: hot.min(keys) };
            let mut rng = Rng::with_seed(seed);
            for _ in 0..200 {
                prop_assert!(space.draw(&mut rng) < keys);
            }
        }
    }

    #[test]
    fn hot_keys_take_their_share() {
        let space = KeySpace { keys: 1_000_000, hot_keys: 10 };
        let mut rng = Rng::with_seed(7);
        let hot = (0..100_000).filter(|_| space.draw(&mut rng) < 10).count();
        assert!((29_000..31_000).contains(&hot), "{hot} of 100000");
    }
}
