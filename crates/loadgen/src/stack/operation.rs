//! One operation as the stack sees it: when it starts, and how it ended. Data only.

use std::time::Instant;

use metrics_core::labels::ErrorType;

use crate::ledger::WriteOutcome;
use crate::pacer::Cost;
use crate::stack::conn::ReplyKind;

/// When an operation was meant to start and when it did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartTimes {
    pub(crate) intended: Instant,
    pub(crate) actual: Instant,
    /// Open loop: without a connection by then it is given up, as if it had never started.
    pub(crate) connected_by: Option<Instant>,
}

impl StartTimes {
    /// An operation that nobody waited for.
    pub(crate) fn immediate(now: Instant) -> Self {
        Self { intended: now, actual: now, connected_by: None }
    }
}

/// An operation that ended, one way or the other.
#[derive(Debug)]
pub(crate) struct OperationOutcome {
    /// The node of the last attempt.
    pub(crate) server: usize,
    pub(crate) result: Result<ReplyKind, ErrorType>,
    /// When the request was handed to the connection, if it got that far.
    pub(crate) sent: Option<Instant>,
    pub(crate) ended: Instant,
    /// What a write may have done.
    pub(crate) write_outcome: WriteOutcome,
    /// Its time for getting a connection passed, and it got none: it counts as never started.
    pub(crate) dropped: bool,
}

impl OperationOutcome {
    pub(super) fn refused(server: usize, error: ErrorType, ended: Instant) -> Self {
        Self {
            server,
            result: Err(error),
            sent: None,
            ended,
            write_outcome: WriteOutcome::NoEffect,
            dropped: false,
        }
    }

    pub(crate) fn cost(&self) -> Cost {
        match self.result {
            Err(ErrorType::BreakerOpen | ErrorType::PoolExhausted) => Cost::Refused,
            // A refused dial is quick as well, but it costs a system call and the node notices.
            _ => Cost::Exchanged,
        }
    }
}

/// When a request was handed to its connection, and when its reply was complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeTimes {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}
