//! What a load thread tells about its operations, and to whom. One recorder per thread: calls come from that thread only,
//! between two system calls of an operation, so a recorder must not block.
//!
//! Three ship: the Prometheus shards, an in-memory count for tests, and `()`, which forgets. Recorders are type parameters
//! and each event is made where it is told, so what does nothing with it costs nothing. A pair tells both.
//!
//! What counts where, with retries and failover: an operation counts once, when it ends, on the node of its last attempt
//! and with what its caller got. Every attempt that got a connection counts in the service time of its own node, so there
//! the exchanges beyond the operations are the repeated ones.

use std::sync::Arc;
use std::time::Duration;

use metrics_core::families::client::{ClientShard, FinishedOperation};
use metrics_core::labels::{CloseReason, CorruptKind, Operation};

#[cfg(test)]
pub(crate) mod tally;
#[cfg(test)]
pub(crate) mod test_families;

/// Something a load thread tells. A `server` is an index in the list of nodes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are called what they are")]
pub enum Event {
    /// An operation began, on this node first.
    Started { server: usize },
    /// An operation under way goes on at another node.
    Moved { from: usize, to: usize },
    /// An attempt failed after an exchange of this length, and is repeated.
    Repeated { server: usize, operation: Operation, service: Duration },
    /// An operation that [`Started`](Self::Started) has ended.
    Finished(FinishedOperation),
    /// A read found its key.
    Hit { server: usize },
    /// A read did not find its key.
    Miss { server: usize },
    /// A read returned a wrong value.
    Corrupt { server: usize, kind: CorruptKind },
    /// A value whose write was given up was read for the first time.
    LateWrite { server: usize },
    /// The breaker refused an operation.
    BreakerRejected { server: usize },
    /// A connection was made.
    ConnectionCreated { server: usize },
    /// A connection was closed by us.
    ConnectionClosed { server: usize, reason: CloseReason },
    /// A connection was handed to an operation after this wait, dialling included.
    Acquired { server: usize, waited: Duration },
    /// No connection could be handed to an operation.
    AcquireFailed { server: usize },
    /// Open loop: an operation started so long after its intended start.
    StartedLate { by: Duration },
    /// Open loop: operations that no worker could start in time.
    Dropped { operations: u64 },
    /// Open loop: an operation that [`Started`](Self::Started) got no connection in time. It counts as dropped, not as
    /// ended.
    Abandoned { server: usize },
}

/// Receives the events of one load thread.
pub trait Recorder: Clone + 'static {
    /// Something happened just now.
    fn record(&self, event: Event);
}

/// Makes one recorder per load thread.
pub trait RecorderFactory {
    /// What it makes.
    type Recorder: Recorder + Send;

    /// The recorder of one thread; an event's `server` is an index in these names.
    fn recorder(&self, servers: &[String]) -> Self::Recorder;
}

/// Makes recorders that forget.
impl RecorderFactory for () {
    type Recorder = ();

    fn recorder(&self, _: &[String]) {}
}

/// Forgets everything.
impl Recorder for () {
    #[inline]
    fn record(&self, _: Event) {}
}

/// Tells whoever is there.
impl<A: Recorder> Recorder for Option<A> {
    #[inline]
    fn record(&self, event: Event) {
        if let Some(recorder) = self {
            recorder.record(event);
        }
    }
}

impl<A: Recorder, B: Recorder> Recorder for (A, B) {
    #[inline]
    fn record(&self, event: Event) {
        self.0.record(event);
        self.1.record(event);
    }
}

/// The Prometheus families.
impl Recorder for Arc<ClientShard> {
    #[inline]
    fn record(&self, event: Event) {
        match event {
            Event::Started { server } => self.started(server),
            Event::Moved { from, to } => self.moved(from, to),
            Event::Repeated { server, operation, service } => self.repeated(server, operation, service),
            Event::Finished(finished) => self.finished(&finished),
            Event::Hit { server } => self.hit(server),
            Event::Miss { server } => self.miss(server),
            Event::Corrupt { server, kind } => self.corrupt(server, kind),
            Event::LateWrite { server } => self.late_write(server),
            Event::BreakerRejected { server } => self.breaker_rejected(server),
            Event::ConnectionCreated { server } => self.connection_created(server),
            Event::ConnectionClosed { server, reason } => self.connection_closed(server, reason),
            Event::Acquired { server, waited } => self.acquired(server, waited),
            Event::AcquireFailed { server } => self.acquire_failed(server),
            Event::StartedLate { by } => self.started_late(by),
            Event::Dropped { operations } => self.dropped(operations),
            Event::Abandoned { server } => self.abandoned(server),
        }
    }
}
