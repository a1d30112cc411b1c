//! The limit on a family's label sets, and the record of those that were left out of a scrape. One thread makes a scrape
//! from beginning to end, so the record is local to that thread.

use std::cell::RefCell;

/// The limit for one family in one scrape. The lab's largest families have a few hundred label sets. More than this means
/// that a label has an unlimited number of values, which would fill Prometheus.
pub(crate) const LABEL_SETS: usize = 2_000;

thread_local! {
    static REFUSED: RefCell<Vec<(&'static str, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Records that a family left out this number of label sets.
pub(crate) fn record_refused(family: &'static str, label_sets: usize) {
    REFUSED.with_borrow_mut(|all| all.push((family, label_sets)));
}

/// The number of label sets that this scrape has left out so far.
pub(crate) fn refused_count() -> usize {
    REFUSED.with_borrow(|all| all.iter().map(|(_, label_sets)| label_sets).sum())
}

/// The families that left out label sets, with their number. Clears the record for the next scrape.
pub(crate) fn take_refused() -> Vec<(&'static str, usize)> {
    REFUSED.take()
}
