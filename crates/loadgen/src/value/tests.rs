//! What is noticed about a value: its key, cuts, changed bytes, splices. What strangers wrote counts as theirs.

use proptest::prelude::*;

use super::{MARK, MIN_SIZE, WrongValue, verify, write};
use crate::history::WriteId;
use crate::keys::MAX_KEYS;

fn value(key: u64, writer: u64, began: u64, size: usize) -> Vec<u8> {
    let mut buffer = b"left over".to_vec();
    write(&mut buffer, key, WriteId { writer, began }, size);
    buffer
}

proptest! {
    /// A value is valid for its key and names its write.
    #[test]
    fn written_values_are_valid(key in 0..MAX_KEYS, writer: u64, began: u64, size in MIN_SIZE..400) {
        let value = value(key, writer, began, size);
        prop_assert_eq!(value.len(), size);
        prop_assert_eq!(verify(&value, key), Ok(Some(WriteId { writer, began })));
    }

    /// A complete value of another key is reported as such and not as torn.
    #[test]
    fn a_value_of_another_key_is_reported(key in 0..MAX_KEYS, other in 0..MAX_KEYS, size in MIN_SIZE..400) {
        prop_assume!(key != other);
        prop_assert_eq!(verify(&value(other, 1, 1, size), key), Err(WrongValue::AnotherKeys { owner: other, origin: WriteId { writer: 1, began: 1 } }));
    }

    /// One changed byte anywhere is noticed.
    #[test]
    fn a_changed_byte_is_noticed(key in 0..MAX_KEYS, at: usize, flip in 1..=255u8, size in MIN_SIZE..400) {
        let mut value = value(key, 3, 4, size);
        let at = at % value.len();
        value[at] ^= flip;
        prop_assert_eq!(verify(&value, key), Err(WrongValue::Torn { bytes: size }));
    }

    /// A cut value of any length is noticed, and so is an additional byte.
    #[test]
    fn a_wrong_length_is_noticed(key in 0..MAX_KEYS, cut in 0..400usize, size in MIN_SIZE..400) {
        let whole = value(key, 3, 4, size);
        let cut = cut % size;
        prop_assert_eq!(verify(&whole[..cut], key), Err(WrongValue::Torn { bytes: cut }));
        let longer = [whole.as_slice(), b"x"].concat();
        prop_assert_eq!(verify(&longer, key), Err(WrongValue::Torn { bytes: size + 1 }));
    }

    /// A splice of two versions of a value is noticed, wherever they are joined.
    #[test]
    fn a_splice_of_two_versions_is_noticed(key in 0..MAX_KEYS, at in 1..100usize, size in 101..400usize) {
        let (one, two) = (value(key, 1, 1, size), value(key, 1, 2, size));
        let spliced = [&one[..at], &two[at..]].concat();
        prop_assume!(spliced != one && spliced != two);
        prop_assert_eq!(verify(&spliced, key), Err(WrongValue::Torn { bytes: size }));
    }

    /// A value that lost its beginning is noticed while 23 bytes of its filler are left, whatever comes before them.
    #[test]
    fn a_lost_beginning_is_noticed(key in 0..MAX_KEYS, at in 1..70usize, before in proptest::collection::vec(any::<u8>(), 0..50)) {
        let part = [before.as_slice(), &value(key, 3, 4, 100)[at..]].concat();
        prop_assert_eq!(verify(&part, key), Err(WrongValue::Torn { bytes: part.len() }));
    }

    /// Text of a stranger is a stranger's, whatever its length.
    #[test]
    fn text_of_a_stranger_is_not_torn(key in 0..MAX_KEYS, text in "[ -~äöü日]{1,200}") {
        prop_assert_eq!(verify(text.as_bytes(), key), Ok(None));
    }
}

#[test]
fn an_empty_value_and_a_lone_mark_are_torn() {
    for bytes in [&[][..], &MARK[..1], &MARK[..], &[MARK.as_slice(), b"text"].concat()] {
        assert_eq!(verify(bytes, 7), Err(WrongValue::Torn { bytes: bytes.len() }));
    }
    assert_eq!(verify(&[0; 100], 7), Ok(None));
}
