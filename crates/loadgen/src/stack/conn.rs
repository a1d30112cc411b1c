//! The interface between the stack and a memcached client library. Each adapter has its own file below this module. This file
//! knows no wire format, and the adapters know nothing of routing, breakers, pools and deadlines.
//!
//! To add a client, implement [`Client`] (how to dial) and [`Connection`] (one request, one reply), and use it in `run.rs`.
//! There are two rules. A future may be dropped at any time; the stack then closes the connection. A reply that does not fit
//! its request is [`ConnError::Protocol`]; an adapter must not guess.

use std::future::Future;
use std::io;

use daemon_core::descriptors::is_local;
use metrics_core::labels::{CloseReason, ErrorType, Operation};

use crate::ledger::WriteOutcome;

mod framing;
pub(crate) mod meta;
mod wire;

#[cfg(test)]
pub(crate) mod fake;

/// One request to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    Get {
        key: &'a [u8],
    },
    Set {
        key: &'a [u8],
        value: &'a [u8],
        /// Seconds; 0 means for ever.
        ttl: u32,
    },
    Delete {
        key: &'a [u8],
    },
    /// Adds one. A counter that does not exist starts at one.
    Increment {
        key: &'a [u8],
    },
}

impl Request<'_> {
    pub(crate) fn operation(&self) -> Operation {
        match self {
            Self::Get { .. } => Operation::Get,
            Self::Set { .. } => Operation::Set,
            Self::Delete { .. } => Operation::Delete,
            Self::Increment { .. } => Operation::Increment,
        }
    }

    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Get { key } | Self::Set { key, .. } | Self::Delete { key } | Self::Increment { key } => key,
        }
    }
}

/// A value to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// Seconds; 0 means for ever.
    pub(crate) ttl: u32,
}

/// The reply of a node. A miss is a reply and not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// The value is in the connection's own buffer, so a read allocates nothing.
    Value(&'a [u8]),
    Miss,
    Done,
}

impl Reply<'_> {
    pub(crate) fn kind(&self) -> ReplyKind {
        match self {
            Self::Value(_) => ReplyKind::Hit,
            Self::Miss => ReplyKind::Miss,
            Self::Done => ReplyKind::Done,
        }
    }
}

/// A reply without its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReplyKind {
    Hit,
    Miss,
    Done,
}

/// Why there is no valid reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnError {
    #[error("connection broke: {0}")]
    Io(#[from] io::Error),
    /// No byte of the request was sent.
    #[error("connection broke before the request was sent: {0}")]
    NotSent(io::Error),
    /// This machine lacks what a connection needs. Nothing was sent.
    #[error("this machine cannot open a connection: {0}")]
    Local(io::Error),
    #[error("unexpected reply: {0}")]
    Protocol(String),
    /// memcached's own words. The connection is still in step.
    #[error("server error: {0}")]
    Server(String),
    /// memcached's own words, after which it closes the connection.
    #[error("memcached refuses the connection: {0}")]
    Refused(String),
}

impl ConnError {
    pub(crate) fn error_type(&self) -> ErrorType {
        match self {
            Self::Io(_) | Self::NotSent(_) => ErrorType::Io,
            Self::Local(_) => ErrorType::Local,
            Self::Protocol(_) => ErrorType::Protocol,
            Self::Server(_) | Self::Refused(_) => ErrorType::ServerError,
        }
    }

    /// Why the connection must be closed. `None` if memcached replied with a refusal: the connection is still in step.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        match self {
            Self::Io(_) | Self::NotSent(_) | Self::Local(_) | Self::Protocol(_) | Self::Refused(_) => {
                Some(CloseReason::Error)
            }
            Self::Server(_) => None,
        }
    }

    /// What a write may have changed.
    pub(crate) fn write_outcome(&self) -> WriteOutcome {
        match self {
            Self::Io(_) | Self::Protocol(_) => WriteOutcome::Unknown,
            Self::NotSent(_) | Self::Local(_) | Self::Server(_) | Self::Refused(_) => WriteOutcome::NoEffect,
        }
    }
}

/// Why a connection cannot be opened.
pub(crate) fn dial_error(error: io::Error) -> ConnError {
    if is_local(&error) { ConnError::Local(error) } else { ConnError::Io(error) }
}

/// Opens connections to a node at its `HOST:PORT`.
pub(crate) trait Client: Clone + Send + 'static {
    type Connection: Connection;

    fn dial(&self, address: &str) -> impl Future<Output = Result<Self::Connection, ConnError>>;
}

/// One stream to one node, for one request at a time.
pub(crate) trait Connection: 'static {
    fn exchange(&mut self, request: Request<'_>) -> impl Future<Output = Result<Reply<'_>, ConnError>>;

    /// Why the connection cannot be used again, if so: since the last exchange, the peer closed it or sent data without a
    /// request. It is called before every use, so it must not wait, and needs no system call if nothing was received.
    fn unusable_reason(&self) -> Option<CloseReason>;

    /// Checks that memcached replies, with the cheapest request.
    fn ping(&mut self) -> impl Future<Output = Result<(), ConnError>>;

    /// Stores many values at once. Only the warm-up uses it.
    fn store_all(&mut self, items: &[Item]) -> impl Future<Output = Result<(), ConnError>>;
}
