//! Compares the toxics that are on with the desired ones and lists the changes. Pure.

use crate::fault::toxic::Toxic;
use crate::lease::leased_toxic::LeasedToxic;
use crate::plan::DesiredToxics;

/// One call to Toxiproxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Remove(LeasedToxic),
    /// The toxic with this name gets these attributes.
    Update(LeasedToxic),
    Add {
        fault: usize,
        server: String,
        toxic: Toxic,
    },
}

/// The changes that turn `on` into `desired`. `on` is in the order in which the toxics were added.
///
/// A fault whose toxics differ only in numbers is updated in place, so that it is on without a gap. Otherwise all its toxics
/// are removed, the last one first, because a chain without its first stages would delay everything; then the new ones are
/// added in their order. Toxics that close connections on removal are removed after all changes to the toxics that stay.
pub(crate) fn changes(on: &[LeasedToxic], desired: &[DesiredToxics]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut later = Vec::new();
    let stays =
        |step: &&LeasedToxic| desired.iter().any(|desired| desired.fault == step.fault && fits(on, desired));
    let (closing, plain): (Vec<&LeasedToxic>, Vec<&LeasedToxic>) =
        on.iter().filter(|step| !stays(step)).partition(|step| step.toxic.kind.closes_when_removed());
    changes.extend(plain.into_iter().rev().cloned().map(Change::Remove));
    for desired in desired {
        let steps = on.iter().filter(|step| step.fault == desired.fault);
        if fits(on, desired) {
            let changed = steps.zip(&desired.toxics).filter(|(step, toxic)| step.toxic != **toxic);
            changes
                .extend(changed.map(|(step, &toxic)| Change::Update(LeasedToxic { toxic, ..step.clone() })));
        } else {
            let (fault, server) = (desired.fault, &desired.server);
            let add = |&toxic| Change::Add { fault, server: server.clone(), toxic };
            later.extend(desired.toxics.iter().map(add));
        }
    }
    changes.extend(closing.into_iter().cloned().map(Change::Remove));
    changes.extend(later);
    changes
}

/// Are the toxics of the fault that are on of the desired kinds, in the desired order?
fn fits(on: &[LeasedToxic], desired: &DesiredToxics) -> bool {
    let steps: Vec<&LeasedToxic> = on.iter().filter(|step| step.fault == desired.fault).collect();
    let alike = |(step, toxic): (&&LeasedToxic, &Toxic)| {
        std::mem::discriminant(&step.toxic.kind) == std::mem::discriminant(&toxic.kind)
            && step.toxic.stream == toxic.stream
    };
    steps.len() == desired.toxics.len() && steps.iter().zip(&desired.toxics).all(alike)
}

#[cfg(test)]
mod tests {
    use daemon_core::values::Fraction;
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::fault::{Direction, Fault};
    use crate::lease::{Lease, RunId};

    fn desired(fault: usize, rate: Option<f64>) -> DesiredToxics {
        let toxics = |rate| {
            let loss = Fault::from_yaml(&format!("{{ fault: packet_loss, rate: {rate} }}"));
            loss.toxics(Direction::Both, Fraction::ONE)
        };
        DesiredToxics {
            fault,
            server: format!("memcached{fault}"),
            toxics: rate.map(toxics).unwrap_or_default(),
        }
    }

    /// Applies the changes as Toxiproxy does, which adds new toxics at the end.
    fn act(mut on: Vec<LeasedToxic>, changes: Vec<Change>) -> Vec<LeasedToxic> {
        for change in changes {
            match change {
                Change::Remove(gone) => on.retain(|step| step.lease != gone.lease),
                Change::Update(new) => {
                    let old = on.iter_mut().find(|step| step.lease == new.lease).unwrap();
                    *old = new;
                }
                Change::Add { fault, server, toxic } => {
                    let step = on.iter().map(|step| step.lease.step + 1).max().unwrap_or(0);
                    on.push(LeasedToxic {
                        server,
                        lease: Lease { run: RunId::new(1, 1), step, deadline: 9 },
                        toxic,
                        fault,
                    });
                }
            }
        }
        on
    }

    fn rates() -> impl Strategy<Value = Vec<Option<f64>>> {
        proptest::collection::vec(
            proptest::option::of(proptest::sample::select(vec![0.02, 0.1, 0.2, 1.0])),
            3,
        )
    }

    proptest! {
        /// Whatever was on, the changes lead to exactly the desired toxics of each fault in their order. After them, there
        /// is nothing left to change.
        #[test]
        fn changes_lead_to_the_desired_toxics(walk in proptest::collection::vec(rates(), 1..6)) {
            let mut on = Vec::new();
            for rates in walk {
                let desired: Vec<DesiredToxics> = rates.iter().enumerate().map(|(n, rate)| desired(n, *rate)).collect();
                on = act(on.clone(), changes(&on, &desired));
                for one in &desired {
                    let found: Vec<Toxic> =
                        on.iter().filter(|step| step.fault == one.fault).map(|step| step.toxic).collect();
                    prop_assert_eq!(&found, &one.toxics);
                }
                prop_assert!(changes(&on, &desired).is_empty());
            }
        }
    }

    #[test]
    fn a_chain_is_removed_in_reverse_and_a_rate_changes_in_place() {
        let on = act(Vec::new(), changes(&[], &[desired(0, Some(0.1))]));
        let gone = changes(&on, &[desired(0, None)]);
        let reversed: Vec<Change> = on.iter().rev().cloned().map(Change::Remove).collect();
        assert_eq!(gone, reversed);
        let changed = changes(&on, &[desired(0, Some(0.05))]);
        // The draw and the back-off, on both streams.
        assert_eq!(changed.len(), 4);
        assert!(changed.iter().all(|change| matches!(change, Change::Update(_))));
    }
}
