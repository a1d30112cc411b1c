//! Makes a lie of a request, where there is something to lie about. Pure: it reads the store, it changes nothing.

use std::time::Instant;

use crate::lie::Lie;
use crate::store::{Asker, Present, Source, Store, Version};
use crate::wire::{Keyed, Request, Verb};

/// The length of [`Lie::Huge`], in bytes: more than any machine has, and still a number that fits in 64 bits.
pub(crate) const HUGE: u64 = 1 << 60;
/// The line of [`Lie::Garbage`].
pub(crate) const GARBAGE: &[u8] = b"\xff\xfe\x00 this is no memcached \x80\r\n";
/// The line of [`Lie::ServerError`].
pub(crate) const SERVER_ERROR: &[u8] = b"SERVER_ERROR out of memory storing object\r\n";

/// What the connection does instead of doing as asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Sends this.
    Answer(Vec<u8>),
    /// Sends this, which answers the next request too.
    AnswerBoth(Vec<u8>),
    /// Does as asked and sends this.
    Replace(&'static [u8]),
    /// Forgets the key and sends this.
    Refuse(&'static [u8]),
    /// Sends this and closes.
    Close(Vec<u8>),
    Hold(Keyed),
    Delay,
    Mute,
    Reset,
}

/// The request and what is known around it.
pub(crate) struct Occasion<'a> {
    pub(crate) request: &'a Request,
    /// The next one, where the client sent it without waiting.
    pub(crate) next: Option<&'a Request>,
    pub(crate) asker: Asker,
    /// Nothing was asked on this connection before.
    pub(crate) first: bool,
    pub(crate) now: Instant,
}

/// What to do to tell this lie; `None` where it would be none.
pub(crate) fn forge(lie: Lie, occasion: &Occasion<'_>, store: &Store) -> Option<Act> {
    if lie == Lie::HalfOpen {
        return occasion.first.then_some(Act::Mute);
    }
    let request = occasion.request.keyed().filter(|request| !request.quiet())?;
    match lie {
        Lie::Garbage => return Some(Act::Replace(GARBAGE)),
        Lie::ServerError => return Some(Act::Refuse(SERVER_ERROR)),
        Lie::Delay => return Some(Act::Delay),
        Lie::Reset => return Some(Act::Reset),
        Lie::HoldSet => return matches!(request.verb, Verb::Set(_)).then(|| Act::Hold(request.clone())),
        Lie::OutOfOrder => return out_of_order(request, occasion, store),
        _ => {}
    }
    let present = store.present(&request.key, occasion.now).filter(|_| request.wants_value())?;
    let is = present.now.value.as_slice();
    let instead = |value: Vec<u8>| Act::Answer(present.reply(request, &value, None));
    match lie {
        Lie::Huge => Some(Act::Answer(present.reply(request, is, Some(HUGE)))),
        Lie::Truncate => (!is.is_empty()).then(|| {
            let mut reply = present.reply(request, is, None);
            reply.truncate(reply.len() - b"\r\n".len() - is.len().div_ceil(2));
            Act::Close(reply)
        }),
        Lie::Swap => swap(request, &present, occasion.now, store),
        Lie::Cut => torn(&present, (!is.is_empty()).then(|| is[..is.len() / 2].to_vec())).map(instead),
        Lie::Flip => torn(&present, flip(is)).map(instead),
        Lie::Splice => splice(&present).map(instead),
        Lie::Stale => stale(present.versions, occasion.asker).map(|old| instead(old.value.clone())),
        _ => None,
    }
}

fn out_of_order(request: &Keyed, occasion: &Occasion<'_>, store: &Store) -> Option<Act> {
    let next = occasion.next?.keyed().filter(|next| !next.quiet())?;
    if request.verb != Verb::Get || next.verb != Verb::Get {
        return None;
    }
    let [first, second] = [request, next].map(|get| store.get(get, occasion.now));
    (first != second).then(|| Act::AnswerBoth([second, first].concat()))
}

fn swap(request: &Keyed, own: &Present<'_>, now: Instant, store: &Store) -> Option<Act> {
    let was_own = |value: &[u8]| own.versions.iter().any(|version| version.value == value);
    store
        .others(&request.key, now)
        .find(|other| other.now.source == Source::Set && !was_own(&other.now.value))
        .map(|other| Act::Answer(other.reply(request, &other.now.value, None)))
}

/// The value, if the key never had it.
fn torn(present: &Present<'_>, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
    value.filter(|value| present.versions.iter().all(|version| version.value != *value))
}

fn flip(value: &[u8]) -> Option<Vec<u8>> {
    let mut value = value.to_vec();
    let middle = value.len() / 2;
    *value.get_mut(middle)? ^= 1;
    Some(value)
}

fn splice(present: &Present<'_>) -> Option<Vec<u8>> {
    let (now, earlier) = present.versions.split_last()?;
    earlier.iter().rev().find_map(|old| torn(present, splice_two(&now.value, &old.value)))
}

/// The front of one and the back of the other, parted so that it is neither of them.
fn splice_two(front: &[u8], back: &[u8]) -> Option<Vec<u8>> {
    let shorter = front.len().min(back.len());
    let first = (0..shorter).find(|at| front[*at] != back[*at])?;
    let last =
        if front.len() == back.len() { (0..shorter).rfind(|at| front[*at] != back[*at])? } else { shorter };
    let part = first + (last - first).div_ceil(2);
    (first < part).then(|| [&front[..part], &back[part..]].concat())
}

/// The newest value that the client must take for outdated: another write, which began after the answer to this one,
/// was answered before the client began this read.
fn stale(versions: &[Version], asker: Asker) -> Option<&Version> {
    let newer = versions.iter().rposition(|version| version.known_before(asker))?;
    (0..newer).rev().map(|at| (&versions[at], &versions[at + 1..])).find_map(|(old, later)| {
        let outdated = old.source == Source::Set && old.known_before_write(&versions[newer]);
        (outdated && later.iter().all(|version| version.value != old.value)).then_some(old)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::splice_two;

    proptest! {
        /// A splice is neither of its halves, and made of both.
        #[test]
        fn a_splice_is_neither(front in "[ab]{0,12}", back in "[ab]{0,12}") {
            let (front, back) = (front.as_bytes(), back.as_bytes());
            if let Some(spliced) = splice_two(front, back) {
                prop_assert_ne!(&spliced[..], front);
                prop_assert_ne!(&spliced[..], back);
                let part = (0..=spliced.len())
                    .find(|at| front.starts_with(&spliced[..*at]) && back.ends_with(&spliced[*at..]));
                prop_assert!(part.is_some());
            }
        }
    }

    #[test]
    fn what_differs_in_one_place_cannot_be_spliced() {
        assert_eq!(splice_two(b"a1b", b"a2b"), None);
        assert_eq!(splice_two(b"1a1", b"2a2"), Some(b"1a2".to_vec()));
    }
}
