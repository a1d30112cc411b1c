//! Which toxics of ours have no right to be there any more. Pure: clock readings and owners are arguments.

use crate::lease::{Lease, RunId};
use crate::toxiproxy::{ProxyToxic, Power, Proxy};

/// So far a clock may be off before a lease that seems to be over counts against a run that is alive.
const TOLERANCE: u64 = 300;

/// Whether the process that put a toxic on is still there. Its lock says so; without a shared folder nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Alive,
    Dead,
    Unknown,
}

/// When a toxic was looked at: the wall clock at its first sight, and what a clock that does not jump has counted
/// since. Seconds since the epoch, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) first: u64,
    pub(crate) elapsed: u64,
}

impl Sight {
    /// Seen for the first time.
    pub(crate) fn now(now: u64) -> Sight {
        Sight { first: now, elapsed: 0 }
    }

    fn time(self) -> u64 {
        self.first.saturating_add(self.elapsed)
    }
}

/// Whether the toxic has to go.
pub(crate) fn forfeited(lease: &Lease, owner: Owner, sight: Sight) -> bool {
    match owner {
        Owner::Dead => true,
        Owner::Unknown => lease.expired(sight.time()),
        // Its end was watched coming by a clock that does not jump.
        Owner::Alive if !lease.expired(sight.first) => lease.expired(sight.time()),
        Owner::Alive => sight.time() > lease.deadline.saturating_add(TOLERANCE),
    }
}

/// A toxic of ours on a proxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found<'a> {
    pub(crate) proxy: &'a Proxy,
    pub(crate) placed: &'a ProxyToxic,
    pub(crate) lease: Lease,
}

impl<'a> Found<'a> {
    /// `None`: not of ours.
    fn new(proxy: &'a Proxy, placed: &'a ProxyToxic) -> Option<Found<'a>> {
        Lease::parse(&placed.name).map(|lease| Found { proxy, placed, lease })
    }
}

/// Every toxic of ours, each proxy's last one first: the order in which they are to be removed.
pub(crate) fn ours(proxies: &[Proxy]) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    for proxy in proxies {
        found.extend(proxy.toxics.iter().rev().filter_map(|placed| Found::new(proxy, placed)));
    }
    found
}

/// A toxic of ours with what is known of its run.
pub(crate) type Owned<'a> = (Found<'a>, Owner);

/// What has to go, and what is to be left alone. Owners are asked for once, so that what is told is what decided.
pub(crate) fn sort<'a>(
    proxies: &'a [Proxy],
    owner: impl Fn(&RunId) -> Owner,
    sight: impl Fn(&str) -> Sight,
) -> (Vec<Owned<'a>>, Vec<Owned<'a>>) {
    ours(proxies)
        .into_iter()
        .map(|found| {
            let owner = owner(&found.lease.run);
            (found, owner)
        })
        .partition(|(found, owner)| forfeited(&found.lease, *owner, sight(&found.placed.name)))
}

/// Why a toxic that had to go was there, in words.
pub(crate) fn why(owner: Owner) -> &'static str {
    match owner {
        Owner::Dead => "left over from a run that did not end well",
        Owner::Alive => "its lease is over, though its run is still there: it stands still or is stuck",
        Owner::Unknown => "its lease is over and nothing is known here of its run",
    }
}

/// Why a toxic may stay, in words.
pub(crate) fn why_left(owner: Owner) -> &'static str {
    match owner {
        Owner::Alive => "its run is at work",
        Owner::Dead | Owner::Unknown => "its lease is not over",
    }
}

/// Whether its proxy is disabled, so that a marker on it says that we did it.
pub(crate) fn is_down(proxies: &[Proxy], server: &str) -> bool {
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
        /// The toxic of a dead run goes at once; one whose owner nobody knows goes when its lease ends and not before.
        #[test]
        fn without_a_heartbeat_the_deadline_decides(first in 0_u64..10_000, elapsed in 0_u64..1_000, deadline in 0_u64..10_000) {
            let sight = Sight { first, elapsed };
            prop_assert!(forfeited(&lease(deadline), Owner::Dead, sight));
            prop_assert_eq!(forfeited(&lease(deadline), Owner::Unknown, sight), first + elapsed > deadline);
        }

        /// A clock that jumps by up to five minutes takes no fault from a run that is alive and within its lease.
        #[test]
        fn a_jump_of_the_clock_takes_nothing_from_a_live_run(now in 1_000_u64..10_000, left in 0_u64..600, jump in -300_i64..=300, seen in any::<bool>()) {
            let sight = if seen {
                Sight { first: now, elapsed: left }
            } else {
                Sight::now(now.saturating_add_signed(jump))
            };
            prop_assert!(!forfeited(&lease(now + left), Owner::Alive, sight));
        }
    }

    #[test]
    fn a_live_run_that_outlives_its_lease_loses_it() {
        let seen_in_time = |elapsed| forfeited(&lease(1_100), Owner::Alive, Sight { first: 1_000, elapsed });
        assert!(!seen_in_time(100));
        assert!(seen_in_time(101));
        let seen_late = |now| forfeited(&lease(1_100), Owner::Alive, Sight::now(now));
        assert!(!seen_late(1_400));
        assert!(seen_late(1_401));
    }
}
