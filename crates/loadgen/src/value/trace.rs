//! Whether bytes that are no complete value of the lab contain a part of one. Then the value is torn, and otherwise it is a
//! stranger's. Pure.
//!
//! A part is recognized by the mark at the start of each value, by a header whose stamp is valid, or by two successive words
//! of a filler. So a cut, a changed byte, and a piece of at least 23 filler bytes among others are recognized.

use super::header::{MARK, MIN_SIZE, WORD, stamp};
use crate::history::WriteId;
use crate::mix::GOLDEN_GAMMA;

pub(super) fn is_in(value: &[u8]) -> bool {
    is_cut_mark(value) || has_mark(value) || has_header(value) || has_filler(value)
}

/// The mark, cut after fewer bytes than it has. An empty value is the shortest cut.
fn is_cut_mark(value: &[u8]) -> bool {
    MARK.starts_with(value)
}

fn has_mark(value: &[u8]) -> bool {
    value.windows(MARK.len()).any(|bytes| bytes == MARK)
}

/// A header with a changed mark.
fn has_header(value: &[u8]) -> bool {
    let Some((header, _)) = value.split_first_chunk::<MIN_SIZE>() else { return false };
    let (words, _) = header.as_chunks::<WORD>();
    let [first, writer, began, stamped] = [0, 1, 2, 3].map(|index| u64::from_le_bytes(words[index]));
    stamped == stamp(first >> (8 * MARK.len()), WriteId { writer, began }, value.len())
}

/// Each word of a filler is the one before plus a constant.
fn has_filler(value: &[u8]) -> bool {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    value.windows(2 * WORD).any(|pair| {
        let (one, next) = pair.split_at(WORD);
        number(next).wrapping_sub(number(one)) == GOLDEN_GAMMA
    })
}
