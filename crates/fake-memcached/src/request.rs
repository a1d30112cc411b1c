//! Parses requests. Pure. It knows the flags that set, get, count and delete plain keys. It refuses memcached's other flags
//! (leases, stale marks, base64 keys, access times) with `CLIENT_ERROR`.

/// The longest key.
const MAX_KEY: usize = 250;
/// The longest value. memcached never has memory for a longer one.
const MAX_VALUE: usize = 1 << 20;
/// The longest opaque, including its `O`.
const MAX_OPAQUE: usize = 32;

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    Meta(MetaRequest),
    Noop,
    Version,
    Quit,
    /// A set of a value that is too long: memcached then removes the key.
    TooLarge(Vec<u8>),
    /// A request that is answered with this error.
    Invalid(&'static str),
}

impl Request {
    pub(crate) fn meta(&self) -> Option<&MetaRequest> {
        match self {
            Self::Meta(meta) => Some(meta),
            _ => None,
        }
    }
}

/// A meta request for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetaRequest {
    pub(crate) verb: Verb,
    pub(crate) key: Vec<u8>,
    /// Letter and argument, in the order of the request. The reply has the same order.
    pub(crate) flags: Vec<(u8, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Set(Vec<u8>),
    Delete,
    Arithmetic,
}

impl Verb {
    fn allows(&self, flag: u8) -> bool {
        match self {
            Self::Get => b"vfcstkuOq",
            Self::Set(_) => b"ckOqFTCM".as_slice(),
            Self::Delete => b"kOqC",
            Self::Arithmetic => b"vtckOqNJDTMC",
        }
        .contains(&flag)
    }
}

impl MetaRequest {
    pub(crate) fn has_flag(&self, flag: u8) -> bool {
        self.flags.iter().any(|(letter, _)| *letter == flag)
    }

    /// The client does not wait for the usual answer.
    pub(crate) fn is_quiet(&self) -> bool {
        self.has_flag(b'q')
    }

    /// A get that wants the value.
    pub(crate) fn wants_value(&self) -> bool {
        self.verb == Verb::Get && self.has_flag(b'v')
    }

    /// The argument of a flag as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self, flag: u8) -> Option<T> {
        let (_, argument) = self.flags.iter().find(|(letter, _)| *letter == flag)?;
        std::str::from_utf8(argument).ok()?.parse().ok()
    }

    /// The letter of the mode flag.
    pub(crate) fn mode(&self) -> Option<u8> {
        let (_, argument) = self.flags.iter().find(|(letter, _)| *letter == b'M')?;
        argument.first().copied()
    }

    fn check(&self) -> Result<(), &'static str> {
        for (index, (letter, argument)) in self.flags.iter().enumerate() {
            if self.flags[..index].iter().any(|(earlier, _)| earlier == letter) {
                return Err("CLIENT_ERROR duplicate flag");
            }
            let valid = self.verb.allows(*letter)
                && match letter {
                    b'O' => argument.len() < MAX_OPAQUE,
                    b'F' => self.number::<u32>(*letter).is_some(),
                    b'T' | b'N' => self.number::<i32>(*letter).is_some(),
                    b'C' | b'J' | b'D' => self.number::<u64>(*letter).is_some(),
                    b'M' => match self.verb {
                        Verb::Set(_) => self.mode().is_some_and(|mode| b"EAPRS".contains(&mode)),
                        _ => self.mode().is_some_and(|mode| b"ID+-".contains(&mode)),
                    },
                    _ => true,
                };
            if !valid {
                return Err("CLIENT_ERROR invalid flag");
            }
        }
        Ok(())
    }
}

/// The first request in `bytes` and its length; `None` until it is complete.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Request, usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut used = end + 1;
    let verb = match words.next() {
        Some(b"mg") => Verb::Get,
        Some(b"ms") => Verb::Set(Vec::new()),
        Some(b"md") => Verb::Delete,
        Some(b"ma") => Verb::Arithmetic,
        Some(b"mn") => return Some((Request::Noop, used)),
        Some(b"version") => return Some((Request::Version, used)),
        Some(b"quit") => return Some((Request::Quit, used)),
        _ => return Some((Request::Invalid("ERROR"), used)),
    };
    let Some(key) = words.next() else { return Some((Request::Invalid("ERROR"), used)) };
    if key.len() > MAX_KEY {
        return Some((Request::Invalid("CLIENT_ERROR bad command line format"), used));
    }
    let mut meta = MetaRequest { verb, key: key.to_vec(), flags: Vec::new() };
    if let Verb::Set(value) = &mut meta.verb {
        let length = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse::<u32>().ok());
        let Some(length) = length else {
            return Some((Request::Invalid("CLIENT_ERROR bad command line format"), used));
        };
        let data = bytes.get(used..used + length as usize + 2)?;
        used += data.len();
        let Some(data) = data.strip_suffix(b"\r\n") else {
            return Some((Request::Invalid("CLIENT_ERROR bad data chunk"), used));
        };
        if data.len() > MAX_VALUE {
            return Some((Request::TooLarge(meta.key), used));
        }
        *value = data.to_vec();
    }
    meta.flags = words.map(|word| (word[0], word[1..].to_vec())).collect();
    Some(match meta.check() {
        Ok(()) => (Request::Meta(meta), used),
        Err(message) => (Request::Invalid(message), used),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_request_is_read_and_nothing_after_it() {
        let bytes = b"ms k 4 T0 O7\r\na\r\nb\r\nmn\r\n";
        let length = b"ms k 4 T0 O7\r\na\r\nb\r\n".len();
        for end in 0..length {
            assert_eq!(parse(&bytes[..end]), None, "{end} bytes");
        }
        let (request, used) = parse(bytes).unwrap();
        assert_eq!(used, length);
        let flags = vec![(b'T', b"0".to_vec()), (b'O', b"7".to_vec())];
        let meta = MetaRequest { verb: Verb::Set(b"a\r\nb".to_vec()), key: b"k".to_vec(), flags };
        assert_eq!(request, Request::Meta(meta));
        assert_eq!(parse(&bytes[used..]), Some((Request::Noop, 4)));
    }

    #[test]
    fn unknown_requests_and_flags_are_refused() {
        for (line, answer) in [
            ("", "ERROR"),
            ("gets k", "ERROR"),
            ("mg", "ERROR"),
            ("mg k v v", "CLIENT_ERROR duplicate flag"),
            ("mg k N30", "CLIENT_ERROR invalid flag"),
            ("ma k Dx", "CLIENT_ERROR invalid flag"),
            ("ma k ME", "CLIENT_ERROR invalid flag"),
            ("ms k x", "CLIENT_ERROR bad command line format"),
        ] {
            let (request, _) = parse(format!("{line}\r\n").as_bytes()).unwrap();
            assert_eq!(request, Request::Invalid(answer), "{line}");
        }
    }
}
