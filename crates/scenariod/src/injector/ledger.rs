//! What one run may have put on Toxiproxy, written down before each call. It knows no network; whoever heals reads it.

use std::time::Duration;

use tokio::time::Instant;

use crate::lease::step::Step;

/// A call without an answer may be carried out after the caller gave up; removal keeps watching for so long.
pub(crate) const SETTLE: Duration = Duration::from_secs(3);

/// The toxics of a run and how far each has come.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    step: Step,
    reach: Reach,
    /// When a call ended without an answer. A later call that was answered does not recall it.
    unanswered: Option<Instant>,
}

/// How far a toxic has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// A call is about to be made, is under way, or ended without an answer.
    Asked,
    /// Toxiproxy cannot have it: it was not reached, or said no.
    Nowhere,
    /// Toxiproxy said it is on.
    On,
    /// Toxiproxy said it is off. Until a look agrees it may be on.
    Leaving,
}

impl Ledger {
    /// To be called before each call for this toxic.
    pub(crate) fn ask(&mut self, step: &Step) {
        match self.entries.iter_mut().find(|entry| entry.step.lease == step.lease) {
            Some(entry) => entry.reach = Reach::Asked,
            None => self.entries.push(Entry { step: step.clone(), reach: Reach::Asked, unanswered: None }),
        }
    }

    /// The call was answered: it is on.
    pub(crate) fn on(&mut self, step: &Step) {
        self.note(step, |entry| entry.reach = Reach::On);
    }

    /// To be called before a call that changes the numbers of a toxic that is on.
    pub(crate) fn update(&mut self, step: &Step) {
        self.note(step, |entry| entry.step = step.clone());
    }

    /// The call that takes it off was answered.
    pub(crate) fn leaving(&mut self, step: &Step) {
        self.note(step, |entry| entry.reach = Reach::Leaving);
    }

    /// A look said that it is not there.
    pub(crate) fn gone(&mut self, step: &Step) {
        self.note(step, |entry| {
            // A call that was not answered may still put it on.
            entry.reach = if entry.unanswered.is_none() { Reach::Nowhere } else { Reach::Asked };
        });
    }

    /// The call ended without an answer.
    pub(crate) fn unanswered(&mut self, step: &Step, at: Instant) {
        self.note(step, |entry| entry.unanswered = Some(at));
    }

    /// The call did not reach Toxiproxy, or it refused.
    pub(crate) fn nowhere(&mut self, step: &Step) {
        // Unless an earlier call may have.
        self.note(step, |entry| {
            if entry.unanswered.is_none() {
                entry.reach = Reach::Nowhere;
            }
        });
    }

    fn note(&mut self, step: &Step, note: impl FnOnce(&mut Entry)) {
        self.entries.iter_mut().find(|entry| entry.step.lease == step.lease).map(note);
    }

    /// Steps that may be on, the last one first: the order in which they are to be removed.
    pub(crate) fn suspects(&self) -> Vec<Step> {
        let suspect = |entry: &&Entry| entry.reach != Reach::Nowhere;
        self.entries.iter().rev().filter(suspect).map(|entry| entry.step.clone()).collect()
    }

    /// Steps that are off as far as anyone knows: refused, not arrived, or seen to be gone.
    pub(crate) fn written_off(&self) -> Vec<Step> {
        let off = |entry: &&Entry| entry.reach == Reach::Nowhere;
        self.entries.iter().filter(off).map(|entry| entry.step.clone()).collect()
    }

    /// Steps that Toxiproxy said are on, in their order.
    pub(crate) fn answered(&self) -> Vec<Step> {
        let on = |entry: &&Entry| entry.reach == Reach::On;
        self.entries.iter().filter(on).map(|entry| entry.step.clone()).collect()
    }

    /// When no call without an answer can be carried out any more.
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

    fn step(step: u32) -> Step {
        Step {
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
    fn what_was_asked_for_is_suspect_until_toxiproxy_cannot_have_it() {
        let mut ledger = Ledger::default();
        ledger.ask(&step(0));
        assert_eq!(ledger.suspects(), [step(0)]);
        ledger.nowhere(&step(0));
        assert_eq!(ledger.suspects(), []);
        ledger.ask(&step(0));
        ledger.on(&step(0));
        ledger.ask(&step(1));
        assert_eq!(ledger.suspects(), [step(1), step(0)], "the last one put on comes off first");
    }

    #[test]
    fn what_was_taken_off_is_suspect_until_it_was_seen_to_be_gone() {
        let mut ledger = Ledger::default();
        ledger.ask(&step(0));
        ledger.on(&step(0));
        ledger.leaving(&step(0));
        assert_eq!((ledger.suspects(), ledger.answered()), (vec![step(0)], vec![]));
        ledger.gone(&step(0));
        assert_eq!((ledger.suspects(), ledger.written_off()), (vec![], vec![step(0)]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_stays_suspect_and_unsettled() {
        let mut ledger = Ledger::default();
        ledger.ask(&step(0));
        let at = Instant::now();
        ledger.unanswered(&step(0), at);
        ledger.ask(&step(0));
        ledger.nowhere(&step(0));
        assert_eq!(ledger.suspects(), [step(0)]);
        ledger.on(&step(0));
        assert_eq!(ledger.settled_at(), Some(at + SETTLE));
    }
}
