//! From what is on and what is wanted to what is to be done. Pure.

use crate::fault::toxic::Toxic;
use crate::lease::leased_toxic::LeasedToxic;
use crate::plan::DesiredToxics;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Remove(LeasedToxic),
    /// The toxic of this name gets these attributes.
    Update(LeasedToxic),
    Add {
        fault: usize,
        server: String,
        toxic: Toxic,
    },
}

/// What makes `wanted` of `on`, given in the order in which it was put on. A fault whose toxics only differ in numbers
/// is updated in place, so that there is no moment without it; else all its toxics go, the last one first, as a chain
/// without its first stages would delay everything, and the new ones come in their order. What closes connections when
/// it goes is removed after all changes to what stays.
pub(crate) fn changes(on: &[LeasedToxic], wanted: &[DesiredToxics]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut later = Vec::new();
    let stays =
        |step: &&LeasedToxic| wanted.iter().any(|wanted| wanted.fault == step.fault && fits(on, wanted));
    let (closing, plain): (Vec<&LeasedToxic>, Vec<&LeasedToxic>) =
        on.iter().filter(|step| !stays(step)).partition(|step| step.toxic.kind.closes_when_removed());
    changes.extend(plain.into_iter().rev().cloned().map(Change::Remove));
    for wanted in wanted {
        let steps = on.iter().filter(|step| step.fault == wanted.fault);
        if fits(on, wanted) {
            let changed = steps.zip(&wanted.toxics).filter(|(step, toxic)| step.toxic != **toxic);
            changes
                .extend(changed.map(|(step, &toxic)| Change::Update(LeasedToxic { toxic, ..step.clone() })));
        } else {
            let (fault, server) = (wanted.fault, &wanted.server);
            let add = |&toxic| Change::Add { fault, server: server.clone(), toxic };
            later.extend(wanted.toxics.iter().map(add));
        }
    }
    changes.extend(closing.into_iter().cloned().map(Change::Remove));
    changes.extend(later);
    changes
}

/// Whether the fault's toxics that are on are of the wanted kinds, in the wanted order.
fn fits(on: &[LeasedToxic], wanted: &DesiredToxics) -> bool {
    let steps: Vec<&LeasedToxic> = on.iter().filter(|step| step.fault == wanted.fault).collect();
    let alike = |(step, toxic): (&&LeasedToxic, &Toxic)| {
        std::mem::discriminant(&step.toxic.kind) == std::mem::discriminant(&toxic.kind)
            && step.toxic.stream == toxic.stream
    };
    steps.len() == wanted.toxics.len() && steps.iter().zip(&wanted.toxics).all(alike)
}

#[cfg(test)]
mod tests {
    use daemon_core::values::Fraction;
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

    use super::*;
    use crate::fault::{Direction, Fault};
    use crate::lease::{Lease, RunId};

    fn wanted(fault: usize, rate: Option<f64>) -> DesiredToxics {
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

    /// Does the changes as Toxiproxy would; new toxics go to the end.
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
        /// Whatever was on, the changes end in exactly the wanted toxics of each fault in their order, and then there
        /// is nothing left to do.
        #[test]
        fn changes_end_in_what_is_wanted(walk in proptest::collection::vec(rates(), 1..6)) {
            let mut on = Vec::new();
            for rates in walk {
                let wanted: Vec<DesiredToxics> = rates.iter().enumerate().map(|(n, rate)| wanted(n, *rate)).collect();
                on = act(on.clone(), changes(&on, &wanted));
                for one in &wanted {
                    let found: Vec<Toxic> =
                        on.iter().filter(|step| step.fault == one.fault).map(|step| step.toxic).collect();
                    prop_assert_eq!(&found, &one.toxics);
                }
                prop_assert!(changes(&on, &wanted).is_empty());
            }
        }
    }

    #[test]
    fn a_chain_comes_off_in_reverse_and_a_rate_changes_in_place() {
        let on = act(Vec::new(), changes(&[], &[wanted(0, Some(0.1))]));
        let gone = changes(&on, &[wanted(0, None)]);
        let reversed: Vec<Change> = on.iter().rev().cloned().map(Change::Remove).collect();
        assert_eq!(gone, reversed);
        let changed = changes(&on, &[wanted(0, Some(0.05))]);
        // The draw and the back-off, on both streams.
        assert_eq!(changed.len(), 4);
        assert!(changed.iter().all(|change| matches!(change, Change::Update(_))));
    }
}
