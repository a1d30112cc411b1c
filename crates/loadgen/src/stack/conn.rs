//! What the stack needs of a memcached client library. One file per adapter below this module; nothing here knows a
//! wire format, and no adapter knows routing, breakers, pools or deadlines.
//!
//! Adding a client: implement [`Client`] (how to dial) and [`Connection`] (one request, one reply), and name it in
//! `run.rs`. Two rules: a future dropped half-way needs no repair, because the stack then drops the connection; and
//! an answer that does not fit its request is [`ConnError::Protocol`], never a guess.

use std::future::Future;
use std::io;

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
        /// Seconds; 0 is for ever.
        ttl: u32,
    },
    Delete {
        key: &'a [u8],
    },
    /// Adds one; a counter that is not there starts at one.
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
    /// Seconds; 0 is for ever.
    pub(crate) ttl: u32,
}

/// What a node said. A miss is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// Lies in the connection's own buffer: nothing is allocated for a read.
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

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnError {
    #[error("connection broke: {0}")]
    Io(#[from] io::Error),
    /// No byte of the request left.
    #[error("connection broke before the request left: {0}")]
    NotSent(io::Error),
    #[error("unexpected answer: {0}")]
    Protocol(String),
    #[error("server error: {0}")]
    Server(String),
}

impl ConnError {
    pub(crate) fn error_type(&self) -> ErrorType {
        match self {
            Self::Io(_) | Self::NotSent(_) => ErrorType::Io,
            Self::Protocol(_) => ErrorType::Protocol,
            Self::Server(_) => ErrorType::ServerError,
        }
    }

    /// Why the connection must go, or `None` where it is still in step: memcached answered, with a refusal.
    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        match self {
            Self::Io(_) | Self::NotSent(_) | Self::Protocol(_) => Some(CloseReason::Error),
            Self::Server(_) => None,
        }
    }

    /// What a write may have done.
    pub(crate) fn write_outcome(&self) -> WriteOutcome {
        match self {
            Self::Io(_) | Self::Protocol(_) => WriteOutcome::Unknown,
            Self::NotSent(_) | Self::Server(_) => WriteOutcome::NoEffect,
        }
    }
}

/// Makes connections to a node by its `HOST:PORT`.
pub(crate) trait Client: Clone + Send + 'static {
    type Connection: Connection;

    fn dial(&self, address: &str) -> impl Future<Output = Result<Self::Connection, ConnError>>;
}

/// One stream to one node, one request at a time.
pub(crate) trait Connection: 'static {
    fn exchange(&mut self, request: Request<'_>) -> impl Future<Output = Result<Reply<'_>, ConnError>>;

    /// Why it may not carry another request, if so: between two exchanges the other end closed it, or said what nobody
    /// asked for. Asked before every use: it never waits, and costs no system call where nothing came.
    fn unusable_reason(&self) -> Option<CloseReason>;

    /// Whether a memcached is at the other end: the cheapest request there is.
    fn ping(&mut self) -> impl Future<Output = Result<(), ConnError>>;

    /// Stores many values in one go; only the warm-up uses it.
    fn store_all(&mut self, items: &[Item]) -> impl Future<Output = Result<(), ConnError>>;
}
