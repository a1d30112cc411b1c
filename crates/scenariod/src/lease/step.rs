//! One toxic of a run under its lease: what is put on which node. Pure.

use super::Lease;
use crate::fault::toxic::Toxic;

/// One toxic to be put on a node, under the name that its lease gives it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) server: String,
    pub(crate) lease: Lease,
    pub(crate) toxic: Toxic,
    /// Position in `Plan::faults`.
    pub(crate) fault: usize,
}
