//! Which lies there are, and the decision when one is due. Pure: by count, never by chance, and nothing is sent here.

/// Something a memcached never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lie {
    /// A get is answered with another key's whole value. Needs a hit, and another key that holds a different value
    /// put there by a set: a counter would be no whole value to a client that checks what it set.
    Swap,
    /// A get is answered with the first half of the value. Needs a value.
    Cut,
    /// A get is answered with the front of the present value and the back of an earlier one. Needs an earlier value
    /// of the key that differs in two places at least.
    Splice,
    /// A get is answered with one byte of the value changed. Needs a value.
    Flip,
    /// A get is answered with a value whose set was acknowledged before another acknowledged set of the key began,
    /// which was acknowledged before this get began. The client knows both answers only if a request followed them
    /// on their connection; so under concurrency fewer gets are an opportunity than came after the second set.
    Stale,
    /// A set is read and not answered; [`Liar::release`](crate::Liar::release) applies it. Its connection stays mute.
    HoldSet,
    /// A request is done, but its reply waits for [`Liar::release`](crate::Liar::release), and the connection with it.
    Delay,
    /// A get is answered with half of the announced value, and the connection closed. Needs a value.
    Truncate,
    /// A request is done, and answered with a line that is not of the protocol.
    Garbage,
    /// A get is answered with an announced length of 2^60 bytes and the value. Needs a hit.
    Huge,
    /// Two gets sent at once are answered in the wrong order. Needs two whose answers differ.
    OutOfOrder,
    /// A request is answered with `SERVER_ERROR`, and not done. As in memcached, a set then loses the old value too.
    ServerError,
    /// A connection's first request and all that follow are never answered, nor done.
    HalfOpen,
    /// The connection is reset instead of an answer. The request is not done.
    Reset,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 14] = [
        Self::Swap,
        Self::Cut,
        Self::Splice,
        Self::Flip,
        Self::Stale,
        Self::HoldSet,
        Self::Delay,
        Self::Truncate,
        Self::Garbage,
        Self::Huge,
        Self::OutOfOrder,
        Self::ServerError,
        Self::HalfOpen,
        Self::Reset,
    ];
}

/// At which of its opportunities a lie is told. A request is an opportunity where the lie has something to lie about,
/// no earlier rule told one, and the client waits for an answer (no `q` flag).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At the n-th, the 2n-th and so on.
    Every(u64),
    /// At the next n, then no more.
    Times(u64),
    /// At the first that names this key, then no more.
    OnceFor(Vec<u8>),
}

impl When {
    /// [`When::OnceFor`] of a key in any form.
    pub fn once_for(key: impl AsRef<[u8]>) -> Self {
        Self::OnceFor(key.as_ref().to_vec())
    }
}

struct Rule {
    id: u64,
    lie: Lie,
    when: When,
    seen: u64,
    told: u64,
}

impl Rule {
    fn waits_for(&self, key: Option<&[u8]>) -> bool {
        match &self.when {
            When::Every(_) => true,
            When::Times(n) => self.told < *n,
            When::OnceFor(only) => self.told == 0 && key == Some(only),
        }
    }

    fn due(&mut self) -> bool {
        self.seen += 1;
        match self.when {
            When::Every(n) => self.seen.is_multiple_of(n),
            When::Times(_) | When::OnceFor(_) => true,
        }
    }
}

/// Proof that a lie was counted, to take it back where it could not be sent.
pub(crate) struct Ticket {
    rule: u64,
    lie: Lie,
}

/// The rules in the order they were given, and the count of what was told.
#[derive(Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    told: [u64; Lie::ALL.len()],
    given: u64,
}

impl Rules {
    pub(crate) fn add(&mut self, lie: Lie, when: When) {
        self.given += 1;
        self.rules.push(Rule { id: self.given, lie, when, seen: 0, told: 0 });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn told(&self, lie: Lie) -> u64 {
        self.told[lie as usize]
    }

    /// The first rule that is due and whose lie `forge` can make of this request. It counts at once: a client that
    /// has its answer finds it counted.
    pub(crate) fn choose<T>(
        &mut self,
        key: Option<&[u8]>,
        forge: impl Fn(Lie) -> Option<T>,
    ) -> Option<(Ticket, T)> {
        for rule in self.rules.iter_mut().filter(|rule| rule.waits_for(key)) {
            let Some(forged) = forge(rule.lie) else { continue };
            if rule.due() {
                rule.told += 1;
                self.told[rule.lie as usize] += 1;
                return Some((Ticket { rule: rule.id, lie: rule.lie }, forged));
            }
        }
        None
    }

    /// What was chosen did not reach the client: it was not told, and is due again where its number was limited.
    pub(crate) fn take_back(&mut self, ticket: &Ticket) {
        self.told[ticket.lie as usize] -= 1;
        if let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == ticket.rule) {
            rule.told -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rules: &mut Rules, key: &str, possible: &[Lie]) -> Option<Lie> {
        rules.choose(Some(key.as_bytes()), |lie| possible.contains(&lie).then_some(lie)).map(|(_, lie)| lie)
    }

    #[test]
    fn every_counts_opportunities_only() {
        let mut rules = Rules::default();
        rules.add(Lie::Swap, When::Every(3));
        for _ in 0..4 {
            assert_eq!(chosen(&mut rules, "k", &[]), None);
            assert_eq!(chosen(&mut rules, "k", &[Lie::Swap]), None);
            assert_eq!(chosen(&mut rules, "k", &[Lie::Swap]), None);
            assert_eq!(chosen(&mut rules, "k", &[Lie::Swap]), Some(Lie::Swap));
        }
        assert_eq!(rules.told(Lie::Swap), 4);
    }

    #[test]
    fn a_lie_taken_back_is_due_again() {
        let mut rules = Rules::default();
        rules.add(Lie::Flip, When::Times(1));
        let (ticket, ()) = rules.choose(None, |_| Some(())).unwrap();
        assert!(rules.choose(None, |_| Some(())).is_none());
        rules.take_back(&ticket);
        assert_eq!(rules.told(Lie::Flip), 0);
        assert!(rules.choose(None, |_| Some(())).is_some());
        assert_eq!(rules.told(Lie::Flip), 1);
    }

    #[test]
    fn the_first_rule_that_can_takes_the_request() {
        let mut rules = Rules::default();
        rules.add(Lie::Stale, When::once_for("a"));
        rules.add(Lie::Cut, When::Times(2));
        let both = [Lie::Stale, Lie::Cut];
        assert_eq!(chosen(&mut rules, "b", &both), Some(Lie::Cut));
        assert_eq!(chosen(&mut rules, "a", &both), Some(Lie::Stale));
        assert_eq!(chosen(&mut rules, "a", &both), Some(Lie::Cut));
        assert_eq!(chosen(&mut rules, "a", &both), None);
    }

    #[test]
    fn every_lie_has_its_own_count() {
        for (index, lie) in Lie::ALL.into_iter().enumerate() {
            assert_eq!(lie as usize, index);
        }
    }
}
