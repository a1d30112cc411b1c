//! The decision which lie a request gets. Pure: it counts, and uses no chance.

use crate::lie::{Lie, When};

struct Rule {
    id: u64,
    lie: Lie,
    when: When,
    opportunities: u64,
    given: u64,
}

impl Rule {
    fn is_open_for(&self, key: Option<&[u8]>) -> bool {
        match &self.when {
            When::Every(_) => true,
            When::Times(n) => self.given < *n,
            When::OnceFor(only) => self.given == 0 && key == Some(only),
        }
    }

    fn is_due(&mut self) -> bool {
        self.opportunities += 1;
        match self.when {
            When::Every(n) => self.opportunities.is_multiple_of(n),
            When::Times(_) | When::OnceFor(_) => true,
        }
    }
}

/// A counted lie, to take it back when it cannot be sent.
pub(crate) struct Receipt {
    rule: u64,
    lie: Lie,
}

/// The rules in the order in which they were added, and the counts of the lies.
#[derive(Default)]
pub(crate) struct Schedule {
    rules: Vec<Rule>,
    counts: [u64; Lie::ALL.len()],
    last_id: u64,
}

impl Schedule {
    pub(crate) fn add(&mut self, lie: Lie, when: When) {
        self.last_id += 1;
        self.rules.push(Rule { id: self.last_id, lie, when, opportunities: 0, given: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn count(&self, lie: Lie) -> u64 {
        self.counts[lie as usize]
    }

    /// The first rule that is due and whose lie `forge` can make of this request. It counts at once, so that a client that
    /// has its answer finds it counted.
    pub(crate) fn choose<T>(
        &mut self,
        key: Option<&[u8]>,
        forge: impl Fn(Lie) -> Option<T>,
    ) -> Option<(Receipt, T)> {
        for rule in self.rules.iter_mut().filter(|rule| rule.is_open_for(key)) {
            let Some(forged) = forge(rule.lie) else { continue };
            if rule.is_due() {
                rule.given += 1;
                self.counts[rule.lie as usize] += 1;
                return Some((Receipt { rule: rule.id, lie: rule.lie }, forged));
            }
        }
        None
    }

    /// The lie did not reach the client: it is not counted, and is due again if its number was limited.
    pub(crate) fn take_back(&mut self, receipt: &Receipt) {
        self.counts[receipt.lie as usize] -= 1;
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == receipt.rule) {
            rule.given -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(schedule: &mut Schedule, key: &str, possible: &[Lie]) -> Option<Lie> {
        schedule
            .choose(Some(key.as_bytes()), |lie| possible.contains(&lie).then_some(lie))
            .map(|(_, lie)| lie)
    }

    #[test]
    fn every_counts_opportunities_only() {
        let mut schedule = Schedule::default();
        schedule.add(Lie::Swap, When::Every(3));
        for _ in 0..4 {
            assert_eq!(chosen(&mut schedule, "k", &[]), None);
            assert_eq!(chosen(&mut schedule, "k", &[Lie::Swap]), None);
            assert_eq!(chosen(&mut schedule, "k", &[Lie::Swap]), None);
            assert_eq!(chosen(&mut schedule, "k", &[Lie::Swap]), Some(Lie::Swap));
        }
        assert_eq!(schedule.count(Lie::Swap), 4);
    }

    #[test]
    fn every_0th_is_never_due() {
        let mut schedule = Schedule::default();
        schedule.add(Lie::Swap, When::Every(0));
        assert!((0..5).all(|_| chosen(&mut schedule, "k", &[Lie::Swap]).is_none()));
    }

    #[test]
    fn a_lie_taken_back_is_due_again() {
        let mut schedule = Schedule::default();
        schedule.add(Lie::Flip, When::Times(1));
        let (receipt, ()) = schedule.choose(None, |_| Some(())).unwrap();
        assert!(schedule.choose(None, |_| Some(())).is_none());
        schedule.take_back(&receipt);
        assert_eq!(schedule.count(Lie::Flip), 0);
        assert!(schedule.choose(None, |_| Some(())).is_some());
        assert_eq!(schedule.count(Lie::Flip), 1);
    }

    #[test]
    fn the_first_rule_that_is_due_takes_the_request() {
        let mut schedule = Schedule::default();
        schedule.add(Lie::Stale, When::once_for("a"));
        schedule.add(Lie::Cut, When::Times(2));
        let both = [Lie::Stale, Lie::Cut];
        assert_eq!(chosen(&mut schedule, "b", &both), Some(Lie::Cut));
        assert_eq!(chosen(&mut schedule, "a", &both), Some(Lie::Stale));
        assert_eq!(chosen(&mut schedule, "a", &both), Some(Lie::Cut));
        assert_eq!(chosen(&mut schedule, "a", &both), None);
    }

    #[test]
    fn every_lie_has_its_own_count() {
        for (index, lie) in Lie::ALL.into_iter().enumerate() {
            assert_eq!(lie as usize, index);
        }
    }
}
