//! The bytes of gets and sets in the meta protocol. Nearly all load consists of these two requests. They are appended to a
//! buffer, without the ten allocations of a command of the crate. Pure; a test in `meta` compares the bytes with the crate's.

/// The maximum length of a key in memcached.
const MAX_KEY: usize = 250;

/// Whether a key can be sent without encoding: it has no blanks and no control characters.
pub(crate) fn is_plain_key(key: &[u8]) -> bool {
    (1..=MAX_KEY).contains(&key.len()) && key.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

pub(crate) fn write_get(buffer: &mut Vec<u8>, key: &[u8]) {
    buffer.extend_from_slice(b"mg ");
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(b" v\r\n");
}

/// A time to live of 0 means for ever.
pub(crate) fn write_set(buffer: &mut Vec<u8>, key: &[u8], value: &[u8], ttl: u32) {
    buffer.reserve(key.len() + value.len() + 48);
    buffer.extend_from_slice(b"ms ");
    buffer.extend_from_slice(key);
    buffer.push(b' ');
    write_number(buffer, value.len() as u64);
    if ttl > 0 {
        buffer.extend_from_slice(b" T");
        write_number(buffer, ttl.into());
    }
    buffer.extend_from_slice(b"\r\n");
    buffer.extend_from_slice(value);
    buffer.extend_from_slice(b"\r\n");
}

fn write_number(buffer: &mut Vec<u8>, mut rest: u64) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while first == digits.len() || rest > 0 {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    buffer.extend_from_slice(&digits[first..]);
}
