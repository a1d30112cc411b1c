//! What was written to one key, kept just as far as it takes to tell a right value from a stale or a late one. Pure:
//! times come in as arguments, in nanoseconds on one monotonic clock. Locking and counting are the ledger's matter.
//!
//! A write spans from its begin to its acknowledgement, and takes effect somewhere in between. Of two writes that
//! overlap, either may be the last; a write that began after another was acknowledged replaced it for certain. So a
//! value is stale when its write was acknowledged before another acknowledged write *began*, and that one was
//! acknowledged before the read began. A write that was sent and never acknowledged may take effect at any time.

/// Nanoseconds on the ledger's clock.
pub(crate) type Nanos = u64;

/// One write, as the value that it stores names it: who wrote, and when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WriteId {
    pub(crate) writer: u64,
    pub(crate) began: Nanos,
}

/// What a read's value says about the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It may be the last value, as far as anyone can tell.
    Right,
    /// Another write replaced it before the read began.
    Stale,
    /// Its write was given up, and is seen here for the first time.
    Late,
}

/// A replaced write is remembered by itself for as many further replacements as this; after that only by the rule that
/// whatever is unknown was replaced long ago.
const REPLACED_KEPT: usize = 4;

/// Writes of one key that were given up and not seen; beyond it nothing unknown is called stale any more. A hot key
/// meets it only where hundreds of its writes time out.
const GIVEN_UP_KEPT: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteState {
    Pending,
    Acknowledged { ended: Nanos },
    GivenUp,
}

#[derive(Clone, Copy, Debug)]
struct Write {
    id: WriteId,
    state: WriteState,
}

#[derive(Clone, Copy, Debug)]
struct Replaced {
    id: WriteId,
    /// When the write that replaced it was acknowledged.
    at: Nanos,
}

/// The writes of one key that matter.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Those that nothing acknowledged has replaced: at most one acknowledged per writer, the rest pending or given up.
    current: Vec<Write>,
    /// The last few that were replaced, oldest first.
    replaced: Vec<Replaced>,
    /// Anything acknowledged and no longer known was replaced by then.
    forgotten: Option<Nanos>,
    /// Of all acknowledged changes the one that began last: its begin and its acknowledgement.
    last: Option<(Nanos, Nanos)>,
    /// The earliest acknowledgement of any change.
    first: Option<Nanos>,
    given_up: usize,
    given_up_lost: bool,
}

impl History {
    /// A write is about to be sent.
    pub(crate) fn begin(&mut self, id: WriteId) {
        self.current.push(Write { id, state: WriteState::Pending });
    }

    /// The write was acknowledged.
    pub(crate) fn acknowledge(&mut self, id: WriteId, ended: Nanos) {
        self.remove(id);
        self.replace_older(id.began, ended);
        match self.last {
            // Its acknowledgement was noted late, after that of a write which had replaced it.
            Some((began, at)) if ended <= began => self.remember(Replaced { id, at }),
            _ => self.current.push(Write { id, state: WriteState::Acknowledged { ended } }),
        }
        self.note_change(id.began, ended);
    }

    /// Whether the write is acknowledged and not known to be replaced: then whoever reads its value reads right.
    pub(crate) fn is_current(&self, id: WriteId) -> bool {
        let acknowledged =
            |write: &Write| write.id == id && matches!(write.state, WriteState::Acknowledged { .. });
        self.current.last().is_some_and(acknowledged)
    }

    /// The write was sent, and nobody knows whether it took or will take effect.
    pub(crate) fn give_up(&mut self, id: WriteId) {
        self.remove(id);
        if self.given_up == GIVEN_UP_KEPT {
            self.given_up_lost = true;
            if let Some(oldest) = self.current.iter().position(|write| write.state == WriteState::GivenUp) {
                self.current.remove(oldest);
            }
        } else {
            self.given_up += 1;
        }
        self.current.push(Write { id, state: WriteState::GivenUp });
    }

    /// The write certainly never took effect.
    pub(crate) fn forget(&mut self, id: WriteId) {
        self.remove(id);
    }

    /// A deletion was acknowledged: it replaces values as a write does and leaves none.
    pub(crate) fn record_deletion(&mut self, began: Nanos, ended: Nanos) {
        self.replace_older(began, ended);
        self.note_change(began, ended);
    }

    /// Judges a value that a read returned.
    pub(crate) fn judge(&mut self, id: WriteId, read_began: Nanos, read_ended: Nanos) -> Freshness {
        if let Some(at) = self.current.iter().rposition(|write| write.id == id) {
            if self.current[at].state != WriteState::GivenUp {
                return Freshness::Right;
            }
            // It did take effect, at the latest when this read ended: from here on it is a write like any other.
            self.current.remove(at);
            self.given_up -= 1;
            self.current.push(Write { id, state: WriteState::Acknowledged { ended: read_ended } });
            return Freshness::Late;
        }
        let replaced_at = match self.replaced.iter().find(|replaced| replaced.id == id) {
            Some(replaced) => Some(replaced.at),
            None if self.given_up_lost => None,
            None => self.forgotten,
        };
        match replaced_at {
            Some(at) if at <= read_began => Freshness::Stale,
            _ => Freshness::Right,
        }
    }

    /// Judges a value that was stored, with acknowledgement, before any change known here began.
    pub(crate) fn judge_initial(&self, read_began: Nanos) -> Freshness {
        if self.first.is_some_and(|at| at <= read_began) { Freshness::Stale } else { Freshness::Right }
    }

    fn remove(&mut self, id: WriteId) {
        if let Some(at) = self.current.iter().rposition(|write| write.id == id) {
            self.current.swap_remove(at);
        }
    }

    fn note_change(&mut self, began: Nanos, ended: Nanos) {
        if self.last.is_none_or(|(last, _)| last <= began) {
            self.last = Some((began, ended));
        }
        self.first = Some(self.first.map_or(ended, |first| first.min(ended)));
    }

    /// Whatever was acknowledged before a change began is replaced once that change is acknowledged.
    fn replace_older(&mut self, began: Nanos, at: Nanos) {
        let mut index = 0;
        while let Some(write) = self.current.get(index) {
            match write.state {
                WriteState::Acknowledged { ended } if ended <= began => {
                    let id = self.current.swap_remove(index).id;
                    self.remember(Replaced { id, at });
                }
                _ => index += 1,
            }
        }
    }

    fn remember(&mut self, replaced: Replaced) {
        if self.replaced.len() == REPLACED_KEPT {
            let oldest = self.replaced.remove(0);
            self.forgotten = Some(self.forgotten.map_or(oldest.at, |at| at.max(oldest.at)));
        }
        self.replaced.push(replaced);
    }
}

#[cfg(test)]
mod tests;
