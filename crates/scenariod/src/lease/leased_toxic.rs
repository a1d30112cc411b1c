//! A toxic of a run together with its lease and its node. Pure.

use super::Lease;
use crate::fault::toxic::Toxic;

/// A toxic that a run adds to a node. Its lease gives it its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LeasedToxic {
    pub(crate) server: String,
    pub(crate) lease: Lease,
    pub(crate) toxic: Toxic,
    /// Position of its fault in `Plan::faults`.
    pub(crate) fault: usize,
}
