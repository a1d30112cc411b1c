//! The benchmark's keys and values in the meta protocol. Pure.

/// The number of keys that [`crate::node::Node`] stores and the clients of this program get and set.
pub(crate) const KEYS: u32 = 10_000;

/// The length of every value in bytes.
pub(crate) const VALUE: usize = 100;

/// The length of the reply to a get that hits, in bytes.
pub(crate) const HIT: usize = b"VA 100\r\n".len() + VALUE + b"\r\n".len();

/// The length of the reply to a set, in bytes.
pub(crate) const STORED: usize = b"HD\r\n".len();

/// Replaces the content of the buffer with a key.
pub(crate) fn key(buffer: &mut Vec<u8>, index: u32) {
    buffer.clear();
    buffer.extend_from_slice(b"bench:");
    let mut digits = [b'0'; 8]; // as long as the keys of loadgen
    let mut rest = index;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    buffer.extend_from_slice(&digits);
}

pub(crate) fn get(index: u32) -> Vec<u8> {
    let mut request = b"mg ".to_vec();
    push_key(&mut request, index);
    request.extend_from_slice(b" v\r\n");
    request
}

/// `flags` starts with a space, or is empty.
pub(crate) fn set(index: u32, flags: &str) -> Vec<u8> {
    let mut request = b"ms ".to_vec();
    push_key(&mut request, index);
    request.extend_from_slice(format!(" {VALUE}{flags}\r\n").as_bytes());
    request.extend_from_slice(&[b'x'; VALUE]);
    request.extend_from_slice(b"\r\n");
    request
}

fn push_key(request: &mut Vec<u8>, index: u32) {
    let mut text = Vec::new();
    key(&mut text, index);
    request.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::{VALUE, get, set};

    #[test]
    fn requests_are_in_the_meta_protocol() {
        assert_eq!(get(42), b"mg bench:00000042 v\r\n");
        let value = "x".repeat(VALUE);
        assert_eq!(set(7, " q"), format!("ms bench:00000007 100 q\r\n{value}\r\n").into_bytes());
    }
}
