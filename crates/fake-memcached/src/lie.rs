//! The lies, and when each of them is due. Definitions only: `schedule` decides, `forge` makes the answer.

/// An answer that a memcached never gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lie {
    /// Answers a get with the whole value of another key. Needs a hit, and another key with a different value that a set
    /// stored: a client that checks its values would not accept a counter as a whole value.
    Swap,
    /// Answers a get with the first half of the value. Needs a value.
    Cut,
    /// Answers a get with the front of the current value and the back of an earlier one. Needs an earlier value of the key
    /// that differs in at least two places.
    Splice,
    /// Answers a get with one byte of the value changed. Needs a value.
    Flip,
    /// Answers a get with a stale value: its set was acknowledged before another set of the key began, and that set was
    /// acknowledged before this get began. The client knows of an acknowledgement only if a request followed it on the same
    /// connection. So under concurrency some gets after the second set are not an opportunity for this lie.
    Stale,
    /// Reads a set and does not answer. [`FakeMemcached::release`](crate::FakeMemcached::release) executes it. The
    /// connection stays silent.
    HoldSet,
    /// Executes a request, but its reply and its connection wait for
    /// [`FakeMemcached::release`](crate::FakeMemcached::release).
    Delay,
    /// Answers a get with half of the announced value and closes the connection. Needs a value.
    Truncate,
    /// Executes a request and answers with a line that is not part of the protocol.
    Garbage,
    /// Answers a get with an announced length of 2^60 bytes and the value. Needs a hit.
    Huge,
    /// Answers two gets that were sent at once in the wrong order. Needs two gets whose answers differ.
    OutOfOrder,
    /// Answers a request with `SERVER_ERROR` and does not execute it. As in memcached, a set then removes the old value.
    ServerError,
    /// Neither answers nor executes the first request of a connection and all that follow.
    HalfOpen,
    /// Resets the connection instead of an answer. The request is not executed.
    Reset,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 14] = [
        Self::Swap,
        Self::Cut,
        Self::Splice,
        Self::Flip,
        Self::Stale,
        Self::HoldSet,
        Self::Delay,
        Self::Truncate,
        Self::Garbage,
        Self::Huge,
        Self::OutOfOrder,
        Self::ServerError,
        Self::HalfOpen,
        Self::Reset,
    ];
}

/// At which of its opportunities a lie is given. A request is an opportunity if it has what the lie needs, if no earlier lie
/// takes it, and if the client waits for an answer (no `q` flag).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// At the n-th, the 2n-th and so on. Never for 0.
    Every(u64),
    /// At the next n opportunities.
    Times(u64),
    /// At the first request for this key, then no more.
    OnceFor(Vec<u8>),
}

impl When {
    /// [`When::OnceFor`] of a key in any form.
    pub fn once_for(key: impl AsRef<[u8]>) -> Self {
        Self::OnceFor(key.as_ref().to_vec())
    }
}
