//! The layout of the header of a value: its mark, its size and its stamp. Pure.

use crate::history::WriteId;
use crate::mix::{GOLDEN_GAMMA, MULTIPLIER};

/// Bytes of the header, and so of the smallest value.
pub(crate) const MIN_SIZE: usize = 32;

/// The first bytes of every value of the lab. They are not valid UTF-8, and no common format begins with them.
pub(super) const MARK: [u8; MARK_SIZE] = [0xfe, 0x9c, 0xb1];
pub(super) const MARK_SIZE: usize = 3;

/// Bytes of a word.
pub(super) const WORD: usize = 8;

/// The last word of the header.
pub(super) fn stamp(key: u64, origin: WriteId, size: usize) -> u64 {
    let mut word = key.wrapping_mul(GOLDEN_GAMMA) ^ (size as u64);
    for part in [origin.writer, origin.began] {
        word = (word ^ part).wrapping_mul(MULTIPLIER);
        word ^= word >> 29;
    }
    word
}
