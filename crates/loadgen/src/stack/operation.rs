//! The start times and the outcome of one operation. Data only.

use std::time::Instant;

use metrics_core::labels::ErrorType;

use crate::ledger::WriteOutcome;
use crate::pacer::Cost;
use crate::stack::conn::ReplyKind;

/// The intended and the actual start of an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartTimes {
    pub(crate) intended: Instant,
    pub(crate) actual: Instant,
    /// Open loop: if the operation has no connection by then, it is dropped and counts as not started.
    pub(crate) connected_by: Option<Instant>,
}

impl StartTimes {
    /// An operation that starts now, without a schedule.
    pub(crate) fn immediate(now: Instant) -> Self {
        Self { intended: now, actual: now, connected_by: None }
    }
}

/// The outcome of an operation.
#[derive(Debug)]
pub(crate) struct OperationOutcome {
    /// The node of the last attempt.
    pub(crate) server: usize,
    pub(crate) result: Result<ReplyKind, ErrorType>,
    /// When the request was sent, if it was.
    pub(crate) sent: Option<Instant>,
    pub(crate) ended: Instant,
    /// What a write may have changed.
    pub(crate) write_outcome: WriteOutcome,
    /// It got no connection in time and counts as not started.
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
            // None of these reaches the node. Without a pause, a worker would repeat them without limit.
            Err(ErrorType::BreakerOpen | ErrorType::PoolExhausted | ErrorType::Local) => Cost::Refused,
            // A failed dial may be as fast as a refusal, but it uses a system call and reaches the node.
            _ => Cost::Exchanged,
        }
    }
}

/// When a request was sent, and when its reply was complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExchangeTimes {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}
