//! Values that can be verified when they are read. Pure.
//!
//! A value begins with a header: a mark with the key, the writer, the begin of the write, and a stamp over these three and
//! the size. The words after it are derived from the stamp. So a piece of another value, a cut, or a changed byte is noticed,
//! at the cost of one comparison per word. Bytes without any trace of such a value are those of a stranger.

mod header;
mod trace;

use std::fmt;
use std::time::Duration;

use metrics_core::labels::CorruptKind;

use crate::history::WriteId;
use crate::mix::GOLDEN_GAMMA;
pub(crate) use header::MIN_SIZE;
use header::{MARK, MARK_SIZE, WORD, stamp};

/// The verdict on a value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    /// A value whose write was given up and took effect later.
    Late,
    /// A value that the lab did not write. It counts as right.
    Foreign,
    Wrong(WrongValue),
}

/// Why a value is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WrongValue {
    /// A value of the lab that was cut, changed or joined from several.
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

/// The first word of a header: the mark, then the key in its upper five bytes.
fn marked(key: u64) -> u64 {
    let [a, b, c] = MARK;
    key << (8 * MARK_SIZE) | u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0])
}

/// Replaces the buffer's content with the value of `size` bytes for a key, which is below 2^40.
pub(crate) fn write(buffer: &mut Vec<u8>, key: u64, origin: WriteId, size: usize) {
    let stamp = stamp(key, origin, size);
    buffer.clear();
    for word in [marked(key), origin.writer, origin.began, stamp] {
        buffer.extend_from_slice(&word.to_le_bytes());
    }
    let mut word = stamp;
    while buffer.len() < size {
        word = word.wrapping_add(GOLDEN_GAMMA);
        let left = (size - buffer.len()).min(WORD);
        buffer.extend_from_slice(&word.to_le_bytes()[..left]);
    }
}

/// The write of the value. `Ok(None)`: a stranger wrote it. Otherwise why the value is wrong for this key.
pub(crate) fn verify(value: &[u8], key: u64) -> Result<Option<WriteId>, WrongValue> {
    match read(value) {
        Some((owner, origin)) if owner == key => Ok(Some(origin)),
        Some((owner, origin)) => Err(WrongValue::AnotherKeys { owner, origin }),
        None if trace::is_in(value) => Err(WrongValue::Torn { bytes: value.len() }),
        None => Ok(None),
    }
}

/// Key and write of a complete value.
fn read(value: &[u8]) -> Option<(u64, WriteId)> {
    let (header, filler) = value.split_first_chunk::<MIN_SIZE>()?;
    let (words, _) = header.as_chunks::<WORD>();
    let [first, writer, began, stamped] = [0, 1, 2, 3].map(|index| u64::from_le_bytes(words[index]));
    let (owner, origin) = (first >> (8 * MARK_SIZE), WriteId { writer, began });
    if first != marked(owner) || stamped != stamp(owner, origin, value.len()) {
        return None;
    }
    let (chunks, rest) = filler.as_chunks::<WORD>();
    let mut word = stamped;
    for chunk in chunks {
        word = word.wrapping_add(GOLDEN_GAMMA);
        if u64::from_le_bytes(*chunk) != word {
            return None;
        }
    }
    let complete = rest == &word.wrapping_add(GOLDEN_GAMMA).to_le_bytes()[..rest.len()];
    complete.then_some((owner, origin))
}

#[cfg(test)]
mod tests;
