//! A toxic in the words of this daemon. Toxiproxy's spelling is in `toxiproxy::wire`.

use daemon_core::values::Fraction;

/// The direction of the bytes a toxic works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// From the client to the node.
    Requests,
    /// From the node to the client.
    Replies,
}

/// One toxic of a proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Toxic {
    pub(crate) stream: Stream,
    /// Of the connections.
    pub(crate) share: Fraction,
    pub(crate) kind: ToxicKind,
}

/// What a toxic does to the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ToxicKind {
    /// Delays each chunk by `latency` plus or minus `jitter` milliseconds; a negative sum is no delay.
    Latency { latency: i64, jitter: i64 },
    /// Drops all bytes and closes the connection after `timeout` milliseconds; 0 never closes it.
    Timeout { timeout: i64 },
    /// Passes `rate` kB per second; 0 holds all bytes until the toxic is removed.
    Bandwidth { rate: i64 },
    /// Resets the connection after `timeout` milliseconds.
    ResetPeer { timeout: i64 },
    /// Delays the end of the connection by `delay` milliseconds.
    SlowClose { delay: i64 },
    /// Cuts chunks into pieces of about `average_size` bytes, `delay` microseconds apart.
    Slicer { average_size: i64, size_variation: i64, delay: i64 },
    /// Closes the connection after `bytes` bytes.
    LimitData { bytes: i64 },
    /// Cuts chunks out of the stream with this probability. Toxiproxy after 2.12 only.
    DropChunks { loss_rate: f64 },
    /// Has no effect. Its name says which run disabled the proxy.
    Marker,
}

impl ToxicKind {
    /// Does its removal close every connection of the proxy, even one that the toxic spared? Until such a connection is
    /// closed, the toxics before it in the chain wait forever to pass on what they hold. A call that removes or changes
    /// one of those waits with them, and holds the lock that the whole API needs. So the toxics that close connections
    /// are removed after all others of their proxy, the first of them first.
    pub(crate) fn closes_when_removed(self) -> bool {
        matches!(self, ToxicKind::Timeout { .. })
    }
}
