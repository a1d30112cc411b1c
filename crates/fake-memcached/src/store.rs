//! What an honest memcached keeps and answers, and beyond that every value a key ever had and who knows of it. Pure:
//! time and the order of events come as arguments.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::wire::{Keyed, Verb};

/// A time to live above this many seconds is a point in time: 30 days.
const MAX_RELATIVE: i32 = 60 * 60 * 24 * 30;

/// Who asks, for the order of events as the client sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    pub(crate) connection: u64,
    /// The client cannot have begun this request before this moment: its connection's last reply left then.
    pub(crate) began: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Set,
    Counter,
}

/// What the client was told of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Never,
    Sent,
    /// The client had read it at this moment.
    Read(u64),
}

/// One value of a key.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) value: Vec<u8>,
    pub(crate) source: Source,
    pub(crate) answer: Answer,
    by: Asker,
    client_flags: u32,
    cas: u64,
}

impl Version {
    /// Whether the client had this write acknowledged before it began what `asker` asks next.
    pub(crate) fn known_before(&self, asker: Asker) -> bool {
        match self.answer {
            Answer::Never => false,
            Answer::Sent | Answer::Read(_) if self.by.connection == asker.connection => true,
            Answer::Sent => false,
            Answer::Read(at) => at <= asker.began,
        }
    }

    /// As [`Version::known_before`], before the client began this later write.
    pub(crate) fn known_before_write(&self, later: &Self) -> bool {
        self.known_before(later.by)
    }
}

#[derive(Debug, Default)]
struct Entry {
    versions: Vec<Version>,
    present: bool,
    expires: Option<Instant>,
}

/// Which version of which key a request wrote.
#[derive(Debug)]
pub(crate) struct Written {
    key: Vec<u8>,
    version: usize,
}

/// What a request came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Empty where the client asked for silence.
    pub(crate) reply: Vec<u8>,
    pub(crate) written: Option<Written>,
}

/// A key's present value and all it had before, oldest first; the last is the present one.
pub(crate) struct Present<'a> {
    pub(crate) versions: &'a [Version],
    pub(crate) now: &'a Version,
    ttl: Option<Duration>,
}

/// When something is done, by both clocks: a time to live is a length or, when it is long, a date.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    /// Since the beginning of Unix time.
    pub(crate) unix: Duration,
}

/// Keys and their values.
#[derive(Default)]
pub(crate) struct Store {
    entries: BTreeMap<Vec<u8>, Entry>,
    cas: u64,
}

impl Store {
    pub(crate) fn present(&self, key: &[u8], now: Instant) -> Option<Present<'_>> {
        let entry = self.entries.get(key).filter(|entry| entry.present)?;
        let ttl = match entry.expires {
            None => None,
            Some(at) if at <= now => return None,
            Some(at) => Some(at - now),
        };
        entry.versions.last().map(|version| Present { versions: &entry.versions, now: version, ttl })
    }

    /// Every value the key ever had.
    pub(crate) fn history(&self, key: &[u8]) -> &[Version] {
        self.entries.get(key).map_or(&[], |entry| &entry.versions)
    }

    /// The other keys that are present, from the next in order round to the one before.
    pub(crate) fn others(&self, key: &[u8], now: Instant) -> impl Iterator<Item = Present<'_>> {
        let after = self.entries.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        let before = self.entries.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(key)));
        after.chain(before).filter_map(move |(key, _)| self.present(key, now))
    }

    /// The client has read the answer to this write.
    pub(crate) fn answer_read(&mut self, written: &Written, at: u64) {
        self.version(written).answer = Answer::Read(at);
    }

    /// The client will never hear of this write.
    pub(crate) fn unanswered(&mut self, written: &Written) {
        self.version(written).answer = Answer::Never;
    }

    fn version(&mut self, written: &Written) -> &mut Version {
        &mut self.entries.get_mut(&written.key).expect("keys are never removed").versions[written.version]
    }

    /// The key is gone, its history is not.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.present = false;
        }
    }

    /// The honest reply to a get.
    pub(crate) fn get(&self, request: &Keyed, now: Instant) -> Vec<u8> {
        match self.present(&request.key, now) {
            Some(present) => present.reply(request, &present.now.value, None),
            None if request.quiet() => Vec::new(),
            None => line("EN", request, |_| None),
        }
    }

    /// Does what is asked.
    pub(crate) fn execute(&mut self, request: &Keyed, by: Asker, at: Moment) -> Outcome {
        match &request.verb {
            Verb::Get => Outcome { reply: self.get(request, at.now), written: None },
            Verb::Set(value) => self.set(request, value, by, at),
            Verb::Delete => Outcome { reply: self.delete(request, at.now), written: None },
            Verb::Arithmetic => self.count(request, by, at),
        }
    }

    fn set(&mut self, request: &Keyed, value: &[u8], by: Asker, at: Moment) -> Outcome {
        let compare = request.number::<u64>(b'C');
        let old = self.present(&request.key, at.now);
        let differs = |old: &Present<'_>| compare.is_some_and(|cas| cas != old.now.cas);
        let refusal = match (request.mode(), &old) {
            (None | Some(b'S' | b'R'), None) if compare.is_some() => Some("NF"),
            (Some(b'E'), Some(_)) | (Some(b'R' | b'A' | b'P'), None) => Some("NS"),
            (None | Some(b'S' | b'R' | b'A' | b'P'), Some(old)) if differs(old) => Some("EX"),
            _ => None,
        };
        if let Some(code) = refusal {
            let nothing = |flag| (flag == b'c').then(|| "0".to_owned());
            return Outcome { reply: line(code, request, nothing), written: None };
        }
        let joined = match (request.mode(), old) {
            (Some(b'A'), Some(old)) => Some((old.now.client_flags, [&old.now.value, value].concat())),
            (Some(b'P'), Some(old)) => Some((old.now.client_flags, [value, &old.now.value].concat())),
            _ => None,
        };
        let written = if let Some((client_flags, value)) = joined {
            self.write(request, value, client_flags, Source::Set, by)
        } else {
            let client_flags = request.number(b'F').unwrap_or(0);
            let written = self.write(request, value.to_vec(), client_flags, Source::Set, by);
            self.expire(&request.key, request.number(b'T').unwrap_or(0), at);
            written
        };
        let cas = self.cas;
        let reply = match request.quiet() {
            true => Vec::new(),
            false => line("HD", request, |flag| (flag == b'c').then_some(cas.to_string())),
        };
        Outcome { reply, written: Some(written) }
    }

    fn delete(&mut self, request: &Keyed, now: Instant) -> Vec<u8> {
        let code = match self.present(&request.key, now) {
            None => "NF",
            Some(old) if request.number::<u64>(b'C').is_some_and(|cas| cas != old.now.cas) => "EX",
            Some(_) => {
                self.remove(&request.key);
                if request.quiet() {
                    return Vec::new();
                }
                "HD"
            }
        };
        line(code, request, |_| None)
    }

    fn count(&mut self, request: &Keyed, by: Asker, at: Moment) -> Outcome {
        let refuse = |code| Outcome { reply: line(code, request, |_| None), written: None };
        let written = match self.present(&request.key, at.now) {
            None => {
                let Some(ttl) = request.number(b'N') else { return refuse("NF") };
                let first = request.number::<u64>(b'J').unwrap_or(0).to_string();
                let written = self.write(request, first.into_bytes(), 0, Source::Counter, by);
                self.expire(&request.key, ttl, at);
                written
            }
            Some(old) => {
                let not_a_number = || Outcome {
                    reply: b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n".to_vec(),
                    written: None,
                };
                if old.now.value.is_empty() {
                    return not_a_number();
                }
                if request.number::<u64>(b'C').is_some_and(|cas| cas != old.now.cas) {
                    return refuse("EX");
                }
                let Some(is) = number(&old.now.value) else { return not_a_number() };
                let delta = request.number::<u64>(b'D').unwrap_or(1);
                let new = match request.mode() {
                    Some(b'D' | b'-') => is.saturating_sub(delta),
                    _ => is.wrapping_add(delta),
                };
                // It writes over the digits where there is room, and blanks what is left.
                let width = old.now.value.len();
                let (value, client_flags) = (format!("{new:<width$}"), old.now.client_flags);
                let written = self.write(request, value.into_bytes(), client_flags, Source::Counter, by);
                if let Some(ttl) = request.number(b'T') {
                    self.expire(&request.key, ttl, at);
                }
                written
            }
        };
        let present = self.present(&request.key, at.now);
        let reply = match present {
            _ if request.quiet() => Vec::new(),
            Some(present) if request.has(b'v') => {
                present.reply(request, present.now.value.trim_ascii_end(), None)
            }
            Some(present) => line("HD", request, |flag| present.flag(flag)),
            None => line("HD", request, |_| None), // it was given no time to live
        };
        Outcome { reply, written: Some(written) }
    }

    fn write(
        &mut self,
        request: &Keyed,
        value: Vec<u8>,
        client_flags: u32,
        source: Source,
        by: Asker,
    ) -> Written {
        self.cas += 1;
        let entry = self.entries.entry(request.key.clone()).or_default();
        // Nobody hears of what was done in silence.
        let answer = if request.quiet() { Answer::Never } else { Answer::Sent };
        entry.versions.push(Version { value, source, answer, by, client_flags, cas: self.cas });
        entry.present = true;
        Written { key: request.key.clone(), version: entry.versions.len() - 1 }
    }

    fn expire(&mut self, key: &[u8], ttl: i32, at: Moment) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        entry.expires = match ttl {
            0 => None,
            ..0 => Some(at.now),
            1..=MAX_RELATIVE => Some(at.now + Duration::from_secs(ttl.unsigned_abs().into())),
            _ => {
                let deadline = Duration::from_secs(ttl.unsigned_abs().into());
                Some(at.now + deadline.saturating_sub(at.unix))
            }
        };
    }
}

impl Present<'_> {
    /// The reply to a get with this value in the place of the present one, and this length announced instead of its own.
    pub(crate) fn reply(&self, request: &Keyed, value: &[u8], announce: Option<u64>) -> Vec<u8> {
        let flag = |flag| match flag {
            b's' => Some(value.len().to_string()),
            _ => self.flag(flag),
        };
        if !request.has(b'v') {
            return line("HD", request, flag);
        }
        let length = announce.unwrap_or(value.len() as u64);
        let mut reply = line(&format!("VA {length}"), request, flag);
        reply.extend_from_slice(value);
        reply.extend_from_slice(b"\r\n");
        reply
    }

    fn flag(&self, flag: u8) -> Option<String> {
        match flag {
            b'f' => Some(self.now.client_flags.to_string()),
            b'c' => Some(self.now.cas.to_string()),
            b't' => Some(self.ttl.map_or("-1".to_owned(), |left| left.as_secs().to_string())),
            _ => None,
        }
    }
}

/// A reply's first line: the code, then the asked flags in the order they were asked.
fn line(code: &str, request: &Keyed, flag: impl Fn(u8) -> Option<String>) -> Vec<u8> {
    let mut line = code.as_bytes().to_vec();
    for (letter, argument) in &request.flags {
        let echo = match letter {
            b'k' => Some(request.key.clone()),
            b'O' => Some(argument.clone()),
            other => flag(*other).map(String::into_bytes),
        };
        if let Some(echo) = echo {
            line.extend_from_slice(&[b" ", std::slice::from_ref(letter), &echo].concat());
        }
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// A counter as memcached reads it: blanks before the digits do not matter, nor does anything behind a blank.
fn number(value: &[u8]) -> Option<u64> {
    let word = value.trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}
