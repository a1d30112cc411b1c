//! Why the faults of a run could not be put on or changed.

use metrics_core::labels::FaultType;

use super::Spoiled;
use crate::state::journal::JournalError;
use crate::toxiproxy::ToxiproxyError;

/// Why the faults of a run are not on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    #[error("stopped before all faults were on")]
    Stopped,
    #[error("cannot put {toxic} on {server}: {cause}")]
    Call { server: String, toxic: String, cause: ToxiproxyError },
    #[error("cannot disable the proxy {server}: {cause}")]
    Disable { server: String, cause: ToxiproxyError },
    #[error("this toxiproxy has no toxic that makes {fault}")]
    Unsupported { fault: FaultType },
    #[error("cannot change {toxic} on {server}: {cause}")]
    Change { server: String, toxic: String, cause: ToxiproxyError },
    #[error("toxiproxy removed {toxic} from {server}, but still has it")]
    StillThere { server: String, toxic: String },
    #[error(transparent)]
    Spoiled(#[from] Spoiled),
    #[error("nothing can be written down before it is injected: {0}")]
    Journal(#[from] JournalError),
    #[error("cannot read back what was injected: {0}")]
    ReadBack(ToxiproxyError),
    #[error("toxiproxy accepted {toxic} on {server}, but does not have it")]
    NotThere { server: String, toxic: String },
}
