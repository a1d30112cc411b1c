//! Makes the answer of a lie, if the request has what the lie needs. Pure: it reads the store and changes nothing.

use std::time::Instant;

use crate::lie::Lie;
use crate::request::{MetaRequest, Request, Verb};
use crate::store::{Item, Requester, Source, Store, Version};

/// The length that [`Lie::Huge`] announces, in bytes: more than any machine has, but a valid 64-bit number.
pub(crate) const HUGE: u64 = 1 << 60;
/// The line of [`Lie::Garbage`].
pub(crate) const GARBAGE: &[u8] = b"\xff\xfe\x00 this is not memcached \x80\r\n";
/// The line of [`Lie::ServerError`].
pub(crate) const SERVER_ERROR: &[u8] = b"SERVER_ERROR out of memory storing object\r\n";

/// What the connection does instead of the honest answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Sends this.
    Answer(Vec<u8>),
    /// Sends this as the answer to this and the next request.
    AnswerBoth(Vec<u8>),
    /// Executes the request and sends this.
    Replace(&'static [u8]),
    /// Does not execute the request, removes the key of a set, and sends this.
    Refuse(&'static [u8]),
    /// Sends this and closes the connection.
    Close(Vec<u8>),
    /// Holds this set until the release.
    Hold(MetaRequest),
    /// Executes the request and holds its reply until the release.
    Delay,
    /// Never answers on this connection.
    Silence,
    /// Resets the connection.
    Reset,
}

/// A request and its circumstances.
pub(crate) struct Opportunity<'a> {
    pub(crate) request: &'a Request,
    /// The next request, if the client sent it without waiting.
    pub(crate) next: Option<&'a Request>,
    pub(crate) requester: Requester,
    /// Whether it is the first request of its connection.
    pub(crate) is_first: bool,
    pub(crate) now: Instant,
}

/// How to give this lie; `None` if the request does not have what the lie needs.
pub(crate) fn forge(lie: Lie, opportunity: &Opportunity<'_>, store: &Store) -> Option<Action> {
    if lie == Lie::HalfOpen {
        return opportunity.is_first.then_some(Action::Silence);
    }
    let request = opportunity.request.meta().filter(|request| !request.is_quiet())?;
    match lie {
        Lie::Garbage => return Some(Action::Replace(GARBAGE)),
        Lie::ServerError => return Some(Action::Refuse(SERVER_ERROR)),
        Lie::Delay => return Some(Action::Delay),
        Lie::Reset => return Some(Action::Reset),
        Lie::HoldSet => return matches!(request.verb, Verb::Set(_)).then(|| Action::Hold(request.clone())),
        Lie::OutOfOrder => return out_of_order(request, opportunity, store),
        _ => {}
    }
    let item = store.item(&request.key, opportunity.now).filter(|_| request.wants_value())?;
    let value = item.current.value.as_slice();
    let instead = |value: Vec<u8>| Action::Answer(item.reply(request, &value, None));
    match lie {
        Lie::Huge => Some(Action::Answer(item.reply(request, value, Some(HUGE)))),
        Lie::Truncate => (!value.is_empty()).then(|| {
            let mut reply = item.reply(request, value, None);
            reply.truncate(reply.len() - b"\r\n".len() - value.len().div_ceil(2));
            Action::Close(reply)
        }),
        Lie::Swap => swap(request, &item, opportunity.now, store),
        Lie::Cut => torn(&item, (!value.is_empty()).then(|| value[..value.len() / 2].to_vec())).map(instead),
        Lie::Flip => torn(&item, flip(value)).map(instead),
        Lie::Splice => splice(&item).map(instead),
        Lie::Stale => stale(item.versions, opportunity.requester).map(|old| instead(old.value.clone())),
        _ => None,
    }
}

fn out_of_order(request: &MetaRequest, opportunity: &Opportunity<'_>, store: &Store) -> Option<Action> {
    let next = opportunity.next?.meta().filter(|next| !next.is_quiet())?;
    if request.verb != Verb::Get || next.verb != Verb::Get {
        return None;
    }
    let [first, second] = [request, next].map(|get| store.get(get, opportunity.now));
    (first != second).then(|| Action::AnswerBoth([second, first].concat()))
}

fn swap(request: &MetaRequest, own: &Item<'_>, now: Instant, store: &Store) -> Option<Action> {
    let was_own = |value: &[u8]| own.versions.iter().any(|version| version.value == value);
    store
        .others(&request.key, now)
        .find(|other| other.current.source == Source::Set && !was_own(&other.current.value))
        .map(|other| Action::Answer(other.reply(request, &other.current.value, None)))
}

/// The value, unless the key ever had it.
fn torn(item: &Item<'_>, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
    value.filter(|value| item.versions.iter().all(|version| version.value != *value))
}

fn flip(value: &[u8]) -> Option<Vec<u8>> {
    let mut value = value.to_vec();
    let middle = value.len() / 2;
    *value.get_mut(middle)? ^= 1;
    Some(value)
}

fn splice(item: &Item<'_>) -> Option<Vec<u8>> {
    let (now, earlier) = item.versions.split_last()?;
    earlier.iter().rev().find_map(|old| torn(item, splice_two(&now.value, &old.value)))
}

/// The front of one and the back of the other, cut so that the result is neither of them.
fn splice_two(front: &[u8], back: &[u8]) -> Option<Vec<u8>> {
    let shorter = front.len().min(back.len());
    let first = (0..shorter).find(|at| front[*at] != back[*at])?;
    let last =
        if front.len() == back.len() { (0..shorter).rfind(|at| front[*at] != back[*at])? } else { shorter };
    let part = first + (last - first).div_ceil(2);
    (first < part).then(|| [&front[..part], &back[part..]].concat())
}

/// The newest value that the client must see as stale: another write began after the acknowledgement of this one and was
/// acknowledged before the client began this read.
fn stale(versions: &[Version], requester: Requester) -> Option<&Version> {
    let newer = versions.iter().rposition(|version| version.known_before(requester))?;
    (0..newer).rev().map(|at| (&versions[at], &versions[at + 1..])).find_map(|(old, later)| {
        let is_outdated = old.source == Source::Set && old.known_before_write(&versions[newer]);
        (is_outdated && later.iter().all(|version| version.value != old.value)).then_some(old)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::splice_two;

    proptest! {
        /// A splice equals neither of its halves and consists of both.
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
    fn values_that_differ_in_one_place_cannot_be_spliced() {
        assert_eq!(splice_two(b"a1b", b"a2b"), None);
        assert_eq!(splice_two(b"1a1", b"2a2"), Some(b"1a2".to_vec()));
    }
}
