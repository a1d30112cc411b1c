//! How many label sets a family may have, and the account of those that were too many. A scrape is made by one thread from
//! beginning to end, so the account is that thread's; nothing outlives the scrape.

use std::cell::RefCell;

/// Label sets of one family in one scrape. The lab's largest families have some hundreds; beyond this a label holds
/// something that never ends, and would fill Prometheus.
pub(crate) const LABEL_SETS: usize = 2_000;

thread_local! {
    static REFUSED: RefCell<Vec<(&'static str, usize)>> = const { RefCell::new(Vec::new()) };
}

/// A family left out this many.
pub(crate) fn record_refused(family: &'static str, label_sets: usize) {
    REFUSED.with_borrow_mut(|all| all.push((family, label_sets)));
}

/// What this scrape has left out so far.
pub(crate) fn refused_count() -> usize {
    REFUSED.with_borrow(|all| all.iter().map(|(_, label_sets)| label_sets).sum())
}

/// Which families left out how much; the next scrape begins with an empty account.
pub(crate) fn take_refused() -> Vec<(&'static str, usize)> {
    REFUSED.take()
}
