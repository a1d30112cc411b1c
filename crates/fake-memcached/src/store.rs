//! The items and the answers of an honest memcached. It also keeps every value that a key had, and which client knows of it.
//! Pure: time and the order of events are arguments.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::request::{MetaRequest, Verb};

/// A time to live above this many seconds (30 days) is a date.
const MAX_RELATIVE: i32 = 60 * 60 * 24 * 30;

/// The sender of a request, for the order of events as the client sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requester {
    pub(crate) connection: u64,
    /// The client began this request after this event, the last reply on its connection.
    pub(crate) earliest_start: u64,
}

/// The kind of request that wrote a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Set,
    Counter,
}

/// What the client knows of its write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// It gets no correct answer.
    Never,
    Sent,
    /// It had read the answer at this event.
    Read(u64),
}

/// One value of a key.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) value: Vec<u8>,
    pub(crate) source: Source,
    pub(crate) acknowledgement: Acknowledgement,
    by: Requester,
    client_flags: u32,
    cas: u64,
}

impl Version {
    /// Whether the client knew the acknowledgement of this write before `requester` began its request.
    pub(crate) fn known_before(&self, requester: Requester) -> bool {
        match self.acknowledgement {
            Acknowledgement::Never => false,
            Acknowledgement::Sent | Acknowledgement::Read(_)
                if self.by.connection == requester.connection =>
            {
                true
            }
            Acknowledgement::Sent => false,
            Acknowledgement::Read(at) => at <= requester.earliest_start,
        }
    }

    /// As [`Version::known_before`], for a later write.
    pub(crate) fn known_before_write(&self, later: &Self) -> bool {
        self.known_before(later.by)
    }
}

#[derive(Debug, Default)]
struct History {
    versions: Vec<Version>,
    /// Whether the last version can still be read.
    present: bool,
    expires: Option<Instant>,
}

/// The version of a key that a request wrote.
#[derive(Debug)]
pub(crate) struct VersionId {
    key: Vec<u8>,
    version: usize,
}

/// The result of a request.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Empty if the client asked for no answer.
    pub(crate) reply: Vec<u8>,
    pub(crate) written: Option<VersionId>,
}

/// The item of a key, with all values that the key had, oldest first. The last one is the current value.
pub(crate) struct Item<'a> {
    pub(crate) versions: &'a [Version],
    pub(crate) current: &'a Version,
    ttl: Option<Duration>,
}

/// The time by both clocks. A time to live is a duration or, if it is long, a date.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp {
    pub(crate) now: Instant,
    /// Since the Unix epoch.
    pub(crate) unix: Duration,
}

/// Keys and their values.
#[derive(Default)]
pub(crate) struct Store {
    histories: BTreeMap<Vec<u8>, History>,
    cas: u64,
}

impl Store {
    pub(crate) fn item(&self, key: &[u8], now: Instant) -> Option<Item<'_>> {
        let history = self.histories.get(key).filter(|history| history.present)?;
        let ttl = match history.expires {
            None => None,
            Some(at) if at <= now => return None,
            Some(at) => Some(at - now),
        };
        history.versions.last().map(|version| Item { versions: &history.versions, current: version, ttl })
    }

    /// Every value that the key had.
    pub(crate) fn history(&self, key: &[u8]) -> &[Version] {
        self.histories.get(key).map_or(&[], |history| &history.versions)
    }

    /// The items of the other keys: the following keys in order, then those before it.
    pub(crate) fn others(&self, key: &[u8], now: Instant) -> impl Iterator<Item = Item<'_>> {
        let after = self.histories.range::<[u8], _>((Bound::Excluded(key), Bound::Unbounded));
        let before = self.histories.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(key)));
        after.chain(before).filter_map(move |(key, _)| self.item(key, now))
    }

    /// The client has read the acknowledgement of this write.
    pub(crate) fn mark_read(&mut self, written: &VersionId, at: u64) {
        self.acknowledge(written, Acknowledgement::Read(at));
    }

    /// The client gets no correct acknowledgement of this write.
    pub(crate) fn mark_unacknowledged(&mut self, written: &VersionId) {
        self.acknowledge(written, Acknowledgement::Never);
    }

    fn acknowledge(&mut self, written: &VersionId, acknowledgement: Acknowledgement) {
        let history = self.histories.get_mut(&written.key); // always there: histories are never removed
        if let Some(version) = history.and_then(|history| history.versions.get_mut(written.version)) {
            version.acknowledgement = acknowledgement;
        }
    }

    /// Removes the item. Its history stays.
    pub(crate) fn remove(&mut self, key: &[u8]) {
        if let Some(history) = self.histories.get_mut(key) {
            history.present = false;
        }
    }

    /// The honest reply to a get.
    pub(crate) fn get(&self, request: &MetaRequest, now: Instant) -> Vec<u8> {
        match self.item(&request.key, now) {
            Some(item) => item.reply(request, &item.current.value, None),
            None if request.is_quiet() => Vec::new(),
            None => line("EN", request, |_| None),
        }
    }

    /// Executes a request.
    pub(crate) fn execute(&mut self, request: &MetaRequest, by: Requester, at: Timestamp) -> Outcome {
        match &request.verb {
            Verb::Get => Outcome { reply: self.get(request, at.now), written: None },
            Verb::Set(value) => self.set(request, value, by, at),
            Verb::Delete => Outcome { reply: self.delete(request, at.now), written: None },
            Verb::Arithmetic => self.count(request, by, at),
        }
    }

    fn set(&mut self, request: &MetaRequest, value: &[u8], by: Requester, at: Timestamp) -> Outcome {
        let compare = request.number::<u64>(b'C');
        let old = self.item(&request.key, at.now);
        let differs = |old: &Item<'_>| compare.is_some_and(|cas| cas != old.current.cas);
        let refusal = match (request.mode(), &old) {
            (None | Some(b'S' | b'R'), None) if compare.is_some() => Some("NF"),
            (Some(b'E'), Some(_)) | (Some(b'R' | b'A' | b'P'), None) => Some("NS"),
            (None | Some(b'S' | b'R' | b'A' | b'P'), Some(old)) if differs(old) => Some("EX"),
            _ => None,
        };
        if let Some(code) = refusal {
            let no_cas = |flag| (flag == b'c').then(|| "0".to_owned());
            return Outcome { reply: line(code, request, no_cas), written: None };
        }
        let joined = match (request.mode(), old) {
            (Some(b'A'), Some(old)) => Some((old.current.client_flags, [&old.current.value, value].concat())),
            (Some(b'P'), Some(old)) => Some((old.current.client_flags, [value, &old.current.value].concat())),
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
        let reply = match request.is_quiet() {
            true => Vec::new(),
            false => line("HD", request, |flag| (flag == b'c').then_some(cas.to_string())),
        };
        Outcome { reply, written: Some(written) }
    }

    fn delete(&mut self, request: &MetaRequest, now: Instant) -> Vec<u8> {
        let code = match self.item(&request.key, now) {
            None => "NF",
            Some(old) if request.number::<u64>(b'C').is_some_and(|cas| cas != old.current.cas) => "EX",
            Some(_) => {
                self.remove(&request.key);
                if request.is_quiet() {
                    return Vec::new();
                }
                "HD"
            }
        };
        line(code, request, |_| None)
    }

    fn count(&mut self, request: &MetaRequest, by: Requester, at: Timestamp) -> Outcome {
        let refuse = |code| Outcome { reply: line(code, request, |_| None), written: None };
        let written = match self.item(&request.key, at.now) {
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
                if old.current.value.is_empty() {
                    return not_a_number();
                }
                if request.number::<u64>(b'C').is_some_and(|cas| cas != old.current.cas) {
                    return refuse("EX");
                }
                let Some(counter) = number(&old.current.value) else { return not_a_number() };
                let delta = request.number::<u64>(b'D').unwrap_or(1);
                let new = match request.mode() {
                    Some(b'D' | b'-') => counter.saturating_sub(delta),
                    _ => counter.wrapping_add(delta),
                };
                // It writes over the old digits and fills the rest with blanks.
                let width = old.current.value.len();
                let (value, client_flags) = (format!("{new:<width$}"), old.current.client_flags);
                let written = self.write(request, value.into_bytes(), client_flags, Source::Counter, by);
                if let Some(ttl) = request.number(b'T') {
                    self.expire(&request.key, ttl, at);
                }
                written
            }
        };
        let reply = match self.item(&request.key, at.now) {
            _ if request.is_quiet() => Vec::new(),
            Some(item) if request.has_flag(b'v') => {
                item.reply(request, item.current.value.trim_ascii_end(), None)
            }
            Some(item) => line("HD", request, |flag| item.flag(flag)),
            None => line("HD", request, |_| None), // its time to live is over at once
        };
        Outcome { reply, written: Some(written) }
    }

    fn write(
        &mut self,
        request: &MetaRequest,
        value: Vec<u8>,
        client_flags: u32,
        source: Source,
        by: Requester,
    ) -> VersionId {
        self.cas += 1;
        let history = self.histories.entry(request.key.clone()).or_default();
        // A quiet request gets no acknowledgement.
        let acknowledgement = if request.is_quiet() { Acknowledgement::Never } else { Acknowledgement::Sent };
        history.versions.push(Version { value, source, acknowledgement, by, client_flags, cas: self.cas });
        history.present = true;
        VersionId { key: request.key.clone(), version: history.versions.len() - 1 }
    }

    fn expire(&mut self, key: &[u8], ttl: i32, at: Timestamp) {
        let Some(history) = self.histories.get_mut(key) else { return };
        history.expires = match ttl {
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

impl Item<'_> {
    /// The reply to a get with this value instead of the current one and, if given, this announced length.
    pub(crate) fn reply(&self, request: &MetaRequest, value: &[u8], announce: Option<u64>) -> Vec<u8> {
        let flag = |flag| match flag {
            b's' => Some(value.len().to_string()),
            _ => self.flag(flag),
        };
        if !request.has_flag(b'v') {
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
            b'f' => Some(self.current.client_flags.to_string()),
            b'c' => Some(self.current.cas.to_string()),
            b't' => Some(self.ttl.map_or("-1".to_owned(), |left| left.as_secs().to_string())),
            _ => None,
        }
    }
}

/// The first line of a reply: the code, then the requested flags in the order of the request.
fn line(code: &str, request: &MetaRequest, flag: impl Fn(u8) -> Option<String>) -> Vec<u8> {
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

/// A counter as memcached reads it: it ignores blanks before the digits and everything after the next blank.
fn number(value: &[u8]) -> Option<u64> {
    let word = value.trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    std::str::from_utf8(word).ok()?.parse().ok()
}
