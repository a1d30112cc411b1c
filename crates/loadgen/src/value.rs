//! Values that can be verified when they are read. Pure.
//!
//! A value begins with a header: key, writer, begin of the write, and a stamp over these three and the size. The words after
//! it are derived from the stamp. So a piece of another value, a cut, or a changed byte is noticed, at the cost of one
//! comparison per word.

use std::fmt;
use std::time::Duration;

use metrics_core::labels::CorruptKind;

use crate::history::WriteId;
use crate::mix::{GOLDEN_GAMMA, MULTIPLIER};

/// Bytes of the header, and so of the smallest value.
pub(crate) const MIN_SIZE: usize = 32;

/// The verdict on a value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// A value whose write was given up and took effect later.
    Late,
    Wrong(WrongValue),
}

/// Why a value is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrongValue {
    /// No writer wrote these bytes.
    Torn { bytes: usize },
    /// A complete value of another key.
    AnotherKeys { owner: u64, origin: WriteId },
    /// The value was replaced before the read began.
    Stale { origin: WriteId },
}

impl WrongValue {
    pub(crate) fn kind(self) -> CorruptKind {
        match self {
            Self::Torn { .. } => CorruptKind::Torn,
            Self::AnotherKeys { .. } => CorruptKind::WrongKey,
            Self::Stale { .. } => CorruptKind::Stale,
        }
    }

    /// Whether the connection may be out of step. A stale value is a complete reply to its request.
    pub(crate) fn is_out_of_step(self) -> bool {
        !matches!(self, Self::Stale { .. })
    }
}

impl fmt::Display for WrongValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Torn { bytes } => write!(f, "{bytes} bytes that no writer wrote"),
            Self::AnotherKeys { owner, origin } => {
                write!(f, "the value of item {owner}, written by {origin}")
            }
            Self::Stale { origin } => write!(f, "an outdated value, written by {origin}"),
        }
    }
}

impl fmt::Display for WriteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "writer {:#x} after {:?} of its run", self.writer, Duration::from_nanos(self.began))
    }
}

const WORD: usize = 8;

fn stamp(key: u64, origin: WriteId, size: usize) -> u64 {
    let mut word = key.wrapping_mul(GOLDEN_GAMMA) ^ (size as u64);
    for part in [origin.writer, origin.began] {
        word = (word ^ part).wrapping_mul(MULTIPLIER);
        word ^= word >> 29;
    }
    word
}

/// Replaces the buffer's content with the value of `size` bytes for a key.
pub(crate) fn write(buffer: &mut Vec<u8>, key: u64, origin: WriteId, size: usize) {
    let stamp = stamp(key, origin, size);
    buffer.clear();
    for word in [key, origin.writer, origin.began, stamp] {
        buffer.extend_from_slice(&word.to_le_bytes());
    }
    let mut word = stamp;
    while buffer.len() < size {
        word = word.wrapping_add(GOLDEN_GAMMA);
        let left = (size - buffer.len()).min(WORD);
        buffer.extend_from_slice(&word.to_le_bytes()[..left]);
    }
}

/// The write of the value, or why the value is wrong for this key.
pub(crate) fn verify(value: &[u8], key: u64) -> Result<WriteId, WrongValue> {
    let torn = WrongValue::Torn { bytes: value.len() };
    let (header, filler) = value.split_first_chunk::<MIN_SIZE>().ok_or(torn)?;
    let (words, _) = header.as_chunks::<WORD>();
    let [owner, writer, began, stamped] = [0, 1, 2, 3].map(|index| u64::from_le_bytes(words[index]));
    let origin = WriteId { writer, began };
    if stamped != stamp(owner, origin, value.len()) {
        return Err(torn);
    }
    let (chunks, rest) = filler.as_chunks::<WORD>();
    let mut word = stamped;
    for chunk in chunks {
        word = word.wrapping_add(GOLDEN_GAMMA);
        if u64::from_le_bytes(*chunk) != word {
            return Err(torn);
        }
    }
    if rest != &word.wrapping_add(GOLDEN_GAMMA).to_le_bytes()[..rest.len()] {
        return Err(torn);
    }
    // The value is complete, but may belong to another key.
    if owner == key { Ok(origin) } else { Err(WrongValue::AnotherKeys { owner, origin }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{MIN_SIZE, WrongValue, verify, write};
    use crate::history::WriteId;

    fn value(key: u64, writer: u64, began: u64, size: usize) -> Vec<u8> {
        let mut buffer = b"left over".to_vec();
        write(&mut buffer, key, WriteId { writer, began }, size);
        buffer
    }

    proptest! {
        /// A value is valid for its key and names its write.
        #[test]
        fn written_values_are_valid(key: u64, writer: u64, began: u64, size in MIN_SIZE..400) {
            let value = value(key, writer, began, size);
            prop_assert_eq!(value.len(), size);
            prop_assert_eq!(verify(&value, key), Ok(WriteId { writer, began }));
        }

        /// A complete value of another key is reported as such and not as torn.
        #[test]
        fn a_value_of_another_key_is_reported(key: u64, other: u64, size in MIN_SIZE..400) {
            prop_assume!(key != other);
            prop_assert_eq!(verify(&value(other, 1, 1, size), key), Err(WrongValue::AnotherKeys { owner: other, origin: WriteId { writer: 1, began: 1 } }));
        }

        /// One changed byte anywhere is noticed.
        #[test]
        fn a_changed_byte_is_noticed(key: u64, at: usize, flip in 1..=255u8, size in MIN_SIZE..400) {
            let mut value = value(key, 3, 4, size);
            let at = at % value.len();
            value[at] ^= flip;
            prop_assert_eq!(verify(&value, key), Err(WrongValue::Torn { bytes: size }));
        }

        /// A cut value of any length is noticed, and so is an additional byte.
        #[test]
        fn a_wrong_length_is_noticed(key: u64, cut in 0..400usize, size in MIN_SIZE..400) {
            let whole = value(key, 3, 4, size);
            let cut = cut % size;
            prop_assert_eq!(verify(&whole[..cut], key), Err(WrongValue::Torn { bytes: cut }));
            let longer = [whole.as_slice(), b"x"].concat();
            prop_assert_eq!(verify(&longer, key), Err(WrongValue::Torn { bytes: size + 1 }));
        }

        /// A splice of two versions of a value is noticed, wherever they are joined.
        #[test]
        fn a_splice_of_two_versions_is_noticed(key: u64, at in 1..100usize, size in 101..400usize) {
            let (one, two) = (value(key, 1, 1, size), value(key, 1, 2, size));
            let spliced = [&one[..at], &two[at..]].concat();
            prop_assume!(spliced != one && spliced != two);
            prop_assert_eq!(verify(&spliced, key), Err(WrongValue::Torn { bytes: size }));
        }
    }
}
