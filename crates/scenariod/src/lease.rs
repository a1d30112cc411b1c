//! Leases: the names of the lab's toxics. Toxiproxy stores neither owner nor age of a toxic, so the name holds both:
//! `rl.<run>.<step>.<deadline>`. Any process can tell from it which run the toxic belongs to and when it has to go. Pure.

pub(crate) mod leased_toxic;
pub(crate) mod ownership;

use std::fmt;

/// The id of a run: short, unique, safe in a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RunId(String);

impl RunId {
    /// `millis` since the epoch orders the ids. `entropy` separates two runs of one millisecond.
    pub(crate) fn new(millis: u64, entropy: u16) -> RunId {
        RunId(format!("{}{}", base36(millis, 8), base36(u64::from(entropy) % 36_u64.pow(3), 3)))
    }

    /// `None` for text that cannot be an id.
    pub(crate) fn parse(text: &str) -> Option<RunId> {
        let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        valid.then(|| RunId(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number in base 36, at least `width` digits.
fn base36(mut number: u64, width: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < width {
        let digit = u32::try_from(number % 36).unwrap_or_default();
        digits.extend(char::from_digit(digit, 36));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// What the name of a toxic says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) run: RunId,
    pub(crate) step: u32,
    /// The toxic has to be gone after this second since the epoch.
    pub(crate) deadline: u64,
}

impl Lease {
    /// `None` for a name of any other form: such a toxic is somebody else's.
    pub(crate) fn parse(name: &str) -> Option<Lease> {
        let mut parts = name.split('.');
        let (Some("rl"), Some(run), Some(step), Some(deadline), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let lease =
            Lease { run: RunId::parse(run)?, step: step.parse().ok()?, deadline: deadline.parse().ok()? };
        // Only the canonical spelling: `+1` or `007` parse as numbers, but this lab never writes them.
        (lease.to_string() == name).then_some(lease)
    }

    pub(crate) fn expired(&self, now: u64) -> bool {
        now > self.deadline
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rl.{}.{}.{}", self.run, self.step, self.deadline)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// Every lease reads back from its name, and the name needs no escaping in a URL.
        #[test]
        fn names_read_back(millis in any::<u64>(), entropy in any::<u16>(), step in any::<u32>(), deadline in any::<u64>()) {
            let lease = Lease { run: RunId::new(millis, entropy), step, deadline };
            let name = lease.to_string();
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.'), "{name}");
            prop_assert_eq!(Lease::parse(&name), Some(lease));
        }

        /// A name that parses is spelled exactly as this lab spells it.
        #[test]
        fn only_the_canonical_spelling_parses(name in "(rl)?\\.?[a-zA-Z0-9.+-]{0,24}") {
            if let Some(lease) = Lease::parse(&name) {
                prop_assert_eq!(lease.to_string(), name);
            }
        }
    }

    #[test]
    fn similar_names_are_not_leases() {
        for name in [
            "",
            "rl",
            "rl.a.1",
            "rl.a.1.2.3",
            "RL.a.1.2",
            "rl..1.2",
            "rl.A.1.2",
            "rl.a.+1.2",
            "rl.a.01.2",
            "rl.a.1.-2",
        ] {
            assert_eq!(Lease::parse(name), None, "{name}");
        }
    }

    #[test]
    fn ids_of_runs_sort_by_time() {
        assert!(RunId::new(1_700_000_000_000, 9).as_str() < RunId::new(1_700_000_000_001, 0).as_str());
    }
}
