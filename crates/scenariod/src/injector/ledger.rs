//! The toxics that one run may have added, recorded before each call. Removal reads it. It makes no call itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::lease::leased_toxic::LeasedToxic;

/// Toxiproxy may carry out an unanswered call after its caller gave up. Removal keeps reading back for this long.
pub(crate) const SETTLE: Duration = Duration::from_secs(3);

/// The toxics of a run, each with its last known status.
#[derive(Debug, Default)]
pub(crate) struct ToxicLedger {
    entries: Vec<LedgerEntry>,
}

#[derive(Debug)]
struct LedgerEntry {
    leased: LeasedToxic,
    status: ToxicStatus,
    /// When a call ended without an answer. The answer to a later call does not clear it.
    unanswered: Option<Instant>,
}

/// What is known of a toxic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ToxicStatus {
    /// The call that adds it is about to be made, is in progress, or got no answer.
    Requested,
    /// Toxiproxy does not have it: it was not reached, refused, or was read without it.
    Off,
    /// Toxiproxy has accepted it.
    On,
    /// Toxiproxy has confirmed its removal. It counts as on until it is read back.
    RemovalAnswered,
}

impl ToxicLedger {
    /// To be called before each call that adds this toxic.
    pub(crate) fn request(&mut self, leased: &LeasedToxic) {
        match self.entries.iter_mut().find(|entry| entry.leased.lease == leased.lease) {
            Some(entry) => entry.status = ToxicStatus::Requested,
            None => self.entries.push(LedgerEntry {
                leased: leased.clone(),
                status: ToxicStatus::Requested,
                unanswered: None,
            }),
        }
    }

    /// Toxiproxy has accepted the toxic.
    pub(crate) fn added(&mut self, leased: &LeasedToxic) {
        self.note(leased, |entry| entry.status = ToxicStatus::On);
    }

    /// To be called before a call that changes the attributes of a toxic.
    pub(crate) fn update(&mut self, leased: &LeasedToxic) {
        self.note(leased, |entry| entry.leased = leased.clone());
    }

    /// Toxiproxy has confirmed the removal.
    pub(crate) fn removal_answered(&mut self, leased: &LeasedToxic) {
        self.note(leased, |entry| entry.status = ToxicStatus::RemovalAnswered);
    }

    /// Toxiproxy was read without the toxic.
    pub(crate) fn seen_gone(&mut self, leased: &LeasedToxic) {
        self.note(leased, |entry| {
            // An unanswered call may still add it.
            entry.status = if entry.unanswered.is_none() { ToxicStatus::Off } else { ToxicStatus::Requested };
        });
    }

    /// A call ended without an answer.
    pub(crate) fn unanswered(&mut self, leased: &LeasedToxic, at: Instant) {
        self.note(leased, |entry| entry.unanswered = Some(at));
    }

    /// The call did not reach Toxiproxy, or was refused.
    pub(crate) fn rejected(&mut self, leased: &LeasedToxic) {
        self.note(leased, |entry| {
            // An earlier call without an answer may still add it.
            if entry.unanswered.is_none() {
                entry.status = ToxicStatus::Off;
            }
        });
    }

    fn note(&mut self, leased: &LeasedToxic, note: impl FnOnce(&mut LedgerEntry)) {
        self.entries.iter_mut().find(|entry| entry.leased.lease == leased.lease).map(note);
    }

    /// Toxics that may be on. The last one comes first: this is the order of removal.
    pub(crate) fn suspects(&self) -> Vec<LeasedToxic> {
        let suspect = |entry: &&LedgerEntry| entry.status != ToxicStatus::Off;
        self.entries.iter().rev().filter(suspect).map(|entry| entry.leased.clone()).collect()
    }

    /// Toxics that are off as far as known: refused, never arrived, or read back as gone.
    pub(crate) fn known_off(&self) -> Vec<LeasedToxic> {
        let off = |entry: &&LedgerEntry| entry.status == ToxicStatus::Off;
        self.entries.iter().filter(off).map(|entry| entry.leased.clone()).collect()
    }

    /// Toxics that Toxiproxy has accepted, in the order in which they were added.
    pub(crate) fn known_on(&self) -> Vec<LeasedToxic> {
        let on = |entry: &&LedgerEntry| entry.status == ToxicStatus::On;
        self.entries.iter().filter(on).map(|entry| entry.leased.clone()).collect()
    }

    /// From when on no unanswered call can be carried out any more. `None`: every call was answered.
    pub(crate) fn settled_at(&self) -> Option<Instant> {
        self.entries.iter().filter_map(|entry| entry.unanswered).max().map(|at| at + SETTLE)
    }
}

#[cfg(test)]
mod tests {
    use daemon_core::values::Fraction;

    use super::*;
    use crate::fault::toxic::{Stream, Toxic, ToxicKind};
    use crate::lease::{Lease, RunId};

    fn leased(step: u32) -> LeasedToxic {
        LeasedToxic {
            server: "memcached1".into(),
            lease: Lease { run: RunId::new(1, 1), step, deadline: 9 },
            toxic: Toxic {
                stream: Stream::Replies,
                share: Fraction::ONE,
                kind: ToxicKind::Timeout { timeout: 0 },
            },
            fault: 0,
        }
    }

    #[test]
    fn a_requested_toxic_is_a_suspect_until_toxiproxy_rejects_it() {
        let mut ledger = ToxicLedger::default();
        ledger.request(&leased(0));
        assert_eq!(ledger.suspects(), [leased(0)]);
        ledger.rejected(&leased(0));
        assert_eq!(ledger.suspects(), []);
        ledger.request(&leased(0));
        ledger.added(&leased(0));
        ledger.request(&leased(1));
        assert_eq!(ledger.suspects(), [leased(1), leased(0)], "the last one added is removed first");
    }

    #[test]
    fn a_removed_toxic_is_a_suspect_until_it_is_read_back_as_gone() {
        let mut ledger = ToxicLedger::default();
        ledger.request(&leased(0));
        ledger.added(&leased(0));
        ledger.removal_answered(&leased(0));
        assert_eq!((ledger.suspects(), ledger.known_on()), (vec![leased(0)], vec![]));
        ledger.seen_gone(&leased(0));
        assert_eq!((ledger.suspects(), ledger.known_off()), (vec![], vec![leased(0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unanswered_call_keeps_its_toxic_a_suspect_for_a_while() {
        let mut ledger = ToxicLedger::default();
        ledger.request(&leased(0));
        let at = Instant::now();
        ledger.unanswered(&leased(0), at);
        ledger.request(&leased(0));
        ledger.rejected(&leased(0));
        assert_eq!(ledger.suspects(), [leased(0)]);
        ledger.added(&leased(0));
        assert_eq!(ledger.settled_at(), Some(at + SETTLE));
    }
}
