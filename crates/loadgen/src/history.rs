//! The writes to one key, as far as they are needed to tell a right value from a stale or a late one. Pure: times are
//! arguments, in nanoseconds on one monotonic clock. The ledger locks and counts.
//!
//! A write takes effect at some time between its begin and its acknowledgement. Of two writes that overlap, either may be
//! the last one. A write that began after another was acknowledged has certainly replaced it. So a value is stale when its
//! write was acknowledged before another acknowledged write *began*, and that one was acknowledged before the read began.
//! A write that was sent and never acknowledged may take effect at any time.

/// Nanoseconds on the ledger's clock.
pub(crate) type Nanos = u64;

/// The name of a write, which is part of the stored value: the writer, and the time at which the write began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WriteId {
    pub(crate) writer: u64,
    pub(crate) began: Nanos,
}

/// The result for a value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It may be the last value written.
    Right,
    /// Another write replaced it before the read began.
    Stale,
    /// Its write was given up, and this read is the first to see it.
    Late,
}

/// The number of replaced writes that are stored. An older write is not stored: an acknowledged write that is unknown was
/// replaced long ago.
const REPLACED_KEPT: usize = 4;

/// The number of writes of one key that were given up and not yet read. With more of them, no unknown write counts as stale
/// any more. A hot key reaches this number only if hundreds of its writes time out.
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

/// The writes of one key that are still needed.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Writes that no acknowledged write has replaced. At most one per writer is acknowledged; the others are pending or given
    /// up.
    current: Vec<Write>,
    /// The last writes that were replaced, oldest first.
    replaced: Vec<Replaced>,
    /// Every acknowledged write that is no longer stored was replaced by this time.
    forgotten: Option<Nanos>,
    /// Begin and acknowledgement of the acknowledged change that began last.
    last: Option<(Nanos, Nanos)>,
    /// The earliest acknowledgement of any change.
    first: Option<Nanos>,
    given_up: usize,
    given_up_lost: bool,
}

impl History {
    /// A write will be sent.
    pub(crate) fn begin(&mut self, id: WriteId) {
        self.current.push(Write { id, state: WriteState::Pending });
    }

    /// The write was acknowledged.
    pub(crate) fn acknowledge(&mut self, id: WriteId, ended: Nanos) {
        self.remove(id);
        self.replace_older(id.began, ended);
        match self.last {
            // A write that replaced this one was acknowledged first in this history.
            Some((began, at)) if ended <= began => self.remember(Replaced { id, at }),
            _ => self.current.push(Write { id, state: WriteState::Acknowledged { ended } }),
        }
        self.note_change(id.began, ended);
    }

    /// Whether the write is acknowledged and not replaced. Then a read of its value is right.
    pub(crate) fn is_current(&self, id: WriteId) -> bool {
        let acknowledged =
            |write: &Write| write.id == id && matches!(write.state, WriteState::Acknowledged { .. });
        self.current.last().is_some_and(acknowledged)
    }

    /// The write was sent, and it is unknown whether it took effect or will do so.
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

    /// The write certainly had no effect.
    pub(crate) fn forget(&mut self, id: WriteId) {
        self.remove(id);
    }

    /// A deletion was acknowledged. It replaces values as a write does.
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
            // It took effect at the latest when this read ended. From now on it counts as acknowledged.
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

    /// Judges a value whose write was acknowledged before any change in this history began.
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

    /// A change replaces all writes that were acknowledged before it began.
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
