//! Which of the lab's toxics are leftovers that have to go. Pure: clock readings and the state of runs are arguments.

use crate::lease::{Lease, RunId};
use crate::toxiproxy::{Power, Proxy, ProxyToxic};

/// How many seconds a clock may be wrong before a lease that seems over counts against a run that is alive.
const CLOCK_TOLERANCE: u64 = 300;

/// Whether the process of a run is still there. The lock on its journal shows it, where the state folder is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    Alive,
    Dead,
    /// This state folder has no journal of the run.
    Unknown,
}

impl Liveness {
    /// Why a leftover of such a run is removed, as shown to users.
    pub(crate) fn removal_reason(self) -> &'static str {
        match self {
            Liveness::Dead => "left over from a run that did not end properly",
            Liveness::Alive => "its lease has expired, but its run is still alive: suspended or stuck",
            Liveness::Unknown => "its lease has expired and its run is unknown",
        }
    }

    /// Why a toxic of such a run is kept, as shown to users.
    pub(crate) fn keep_reason(self) -> &'static str {
        match self {
            Liveness::Alive => "its run is active",
            Liveness::Dead | Liveness::Unknown => "its lease has not expired",
        }
    }
}

/// How long a toxic has been seen: the wall clock at first sight in seconds since the epoch, and the seconds that a
/// monotonic clock has counted since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) first: u64,
    pub(crate) elapsed: u64,
}

impl Sighting {
    /// A toxic that is seen for the first time.
    pub(crate) fn first_at(now: u64) -> Sighting {
        Sighting { first: now, elapsed: 0 }
    }

    fn time(self) -> u64 {
        self.first.saturating_add(self.elapsed)
    }
}

/// Whether the toxic has to go.
pub(crate) fn is_leftover(lease: &Lease, liveness: Liveness, sighting: Sighting) -> bool {
    match liveness {
        Liveness::Dead => true,
        Liveness::Unknown => lease.expired(sighting.time()),
        // The toxic was seen before its lease ended, so a monotonic clock has measured that end.
        Liveness::Alive if !lease.expired(sighting.first) => lease.expired(sighting.time()),
        Liveness::Alive => sighting.time() > lease.deadline.saturating_add(CLOCK_TOLERANCE),
    }
}

/// A toxic of this lab, found on a proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundToxic<'a> {
    pub(crate) proxy: &'a Proxy,
    pub(crate) toxic: &'a ProxyToxic,
    pub(crate) lease: Lease,
}

impl<'a> FoundToxic<'a> {
    /// `None`: somebody else's.
    fn new(proxy: &'a Proxy, toxic: &'a ProxyToxic) -> Option<FoundToxic<'a>> {
        Lease::parse(&toxic.name).map(|lease| FoundToxic { proxy, toxic, lease })
    }
}

/// Every toxic of this lab. Within a proxy the last one comes first: this is the order of removal.
pub(crate) fn find_lab_toxics(proxies: &[Proxy]) -> Vec<FoundToxic<'_>> {
    let mut found = Vec::new();
    for proxy in proxies {
        found.extend(proxy.toxics.iter().rev().filter_map(|toxic| FoundToxic::new(proxy, toxic)));
    }
    found
}

/// The toxics of this lab, each with the state of its run at the time of the decision.
#[derive(Debug)]
pub(crate) struct LabToxics<'a> {
    pub(crate) leftovers: Vec<(FoundToxic<'a>, Liveness)>,
    /// Toxics of live runs.
    pub(crate) kept: Vec<(FoundToxic<'a>, Liveness)>,
}

/// Separates leftovers from toxics of live runs. Asks for the state of each run once per toxic, so that the reason shown
/// is the reason of the decision.
pub(crate) fn separate_leftovers<'a>(
    proxies: &'a [Proxy],
    liveness: impl Fn(&RunId) -> Liveness,
    sighting: impl Fn(&str) -> Sighting,
) -> LabToxics<'a> {
    let all = find_lab_toxics(proxies).into_iter().map(|found| {
        let liveness = liveness(&found.lease.run);
        (found, liveness)
    });
    let (leftovers, kept) =
        all.partition(|(found, liveness)| is_leftover(&found.lease, *liveness, sighting(&found.toxic.name)));
    LabToxics { leftovers, kept }
}

/// Whether the proxy is disabled. A marker on it then shows that this lab has disabled it.
pub(crate) fn is_disabled(proxies: &[Proxy], server: &str) -> bool {
    proxies.iter().any(|proxy| proxy.name == server && proxy.power == Power::Disabled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn lease(deadline: u64) -> Lease {
        Lease { run: RunId::new(1, 1), step: 0, deadline }
    }

    proptest! {
        /// The toxic of a dead run goes at once. The toxic of an unknown run goes when its lease ends, and not before.
        #[test]
        fn the_deadline_decides_for_an_unknown_run(first in 0_u64..10_000, elapsed in 0_u64..1_000, deadline in 0_u64..10_000) {
            let sighting = Sighting { first, elapsed };
            prop_assert!(is_leftover(&lease(deadline), Liveness::Dead, sighting));
            prop_assert_eq!(is_leftover(&lease(deadline), Liveness::Unknown, sighting), first + elapsed > deadline);
        }

        /// A clock that jumps by up to five minutes removes no fault of a live run within its lease.
        #[test]
        fn a_jump_of_the_clock_removes_nothing_of_a_live_run(now in 1_000_u64..10_000, left in 0_u64..600, jump in -300_i64..=300, seen in any::<bool>()) {
            let sighting = if seen {
                Sighting { first: now, elapsed: left }
            } else {
                Sighting::first_at(now.saturating_add_signed(jump))
            };
            prop_assert!(!is_leftover(&lease(now + left), Liveness::Alive, sighting));
        }
    }

    #[test]
    fn a_live_run_loses_a_toxic_whose_lease_is_over() {
        let seen_in_time =
            |elapsed| is_leftover(&lease(1_100), Liveness::Alive, Sighting { first: 1_000, elapsed });
        assert!(!seen_in_time(100));
        assert!(seen_in_time(101));
        let seen_late = |now| is_leftover(&lease(1_100), Liveness::Alive, Sighting::first_at(now));
        assert!(!seen_late(1_400));
        assert!(seen_late(1_401));
    }
}
