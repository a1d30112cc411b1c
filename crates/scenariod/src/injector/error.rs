//! Why the faults of a run could not be injected or changed.

use metrics_core::labels::FaultType;

use super::Disturbance;
use crate::state::journal::JournalError;
use crate::toxiproxy::ToxiproxyError;

/// Why the faults of a run are not as wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InjectError {
    #[error("stopped before all faults were on")]
    Stopped,
    #[error("cannot add {toxic} to {server}: {cause}")]
    Add { server: String, toxic: String, cause: ToxiproxyError },
    #[error("cannot disable the proxy {server}: {cause}")]
    Disable { server: String, cause: ToxiproxyError },
    #[error("this toxiproxy has no toxic for {fault}")]
    Unsupported { fault: FaultType },
    #[error("cannot change {toxic} on {server}: {cause}")]
    Change { server: String, toxic: String, cause: ToxiproxyError },
    #[error("toxiproxy confirmed the removal of {toxic} from {server}, but still has it")]
    StillThere { server: String, toxic: String },
    #[error(transparent)]
    Disturbed(#[from] Disturbance),
    #[error("cannot write the journal before injecting: {0}")]
    Journal(#[from] JournalError),
    #[error("cannot read back the injected faults: {0}")]
    ReadBack(ToxiproxyError),
    #[error("toxiproxy accepted {toxic} on {server}, but does not have it")]
    NotThere { server: String, toxic: String },
}
