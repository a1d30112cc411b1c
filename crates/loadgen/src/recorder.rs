//! The events of a load thread, and the recorders that receive them. Each thread has its own recorder. It is called only from
//! that thread, in the middle of an operation, so it must not block.
//!
//! There are three recorders: the Prometheus shards, an in-memory list for tests, and `()`, which ignores all events. A pair
//! passes each event to both. Recorders are type parameters, so an ignored event costs nothing.
//!
//! How retries and failover count: an operation counts once, when it ends, on the node of its last attempt and with the
//! result that its caller got. Every attempt that got a connection counts in the service time of its own node. So the
//! service times of a node also contain the attempts that were repeated.

use std::sync::Arc;
use std::time::Duration;

use metrics_core::families::client::{ClientShard, FinishedOperation};
use metrics_core::labels::{CloseReason, CorruptKind, Operation};

#[cfg(test)]
pub(crate) mod tally;
#[cfg(test)]
pub(crate) mod test_families;

/// An event on a load thread. `server` is an index in the list of nodes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names of the fields explain them")]
pub enum Event {
    /// An operation started, with this node.
    Started { server: usize },
    /// An operation in flight continues at another node.
    Moved { from: usize, to: usize },
    /// An attempt failed after an exchange of this length, and is repeated.
    Repeated { server: usize, operation: Operation, service: Duration },
    /// An operation that had [`Started`](Self::Started) ended.
    Finished(FinishedOperation),
    /// A read found its key.
    Hit { server: usize },
    /// A read did not find its key.
    Miss { server: usize },
    /// A read returned a wrong value.
    Corrupt { server: usize, kind: CorruptKind },
    /// A read returned, for the first time, a value whose write was given up.
    LateWrite { server: usize },
    /// A read returned a value that the lab did not write.
    ForeignValue { server: usize },
    /// The breaker rejected an operation.
    BreakerRejected { server: usize },
    /// A connection was opened.
    ConnectionCreated { server: usize },
    /// The client closed a connection.
    ConnectionClosed { server: usize, reason: CloseReason },
    /// An operation got a connection after this wait, including dialling.
    Acquired { server: usize, waited: Duration },
    /// An operation got no connection.
    AcquireFailed { server: usize },
    /// Open loop: an operation started this long after its intended start.
    StartedLate { by: Duration },
    /// The timer that no operation uses expired this much too late.
    WokeLate { by: Duration },
    /// Open loop: operations that no worker could start in time.
    Dropped { operations: u64 },
    /// Open loop: an operation that had [`Started`](Self::Started) got no connection in time. It counts as dropped and not as
    /// ended.
    Abandoned { server: usize },
}

/// Receives the events of one load thread.
pub trait Recorder: Clone + 'static {
    /// An event happened just now.
    fn record(&self, event: Event);
}

/// Creates one recorder per load thread.
pub trait RecorderFactory {
    /// The type of the recorders.
    type Recorder: Recorder + Send;

    /// Creates the recorder of one thread. The `server` of an event is an index in these names.
    fn recorder(&self, servers: &[String]) -> Self::Recorder;
}

/// Creates recorders that ignore all events.
impl RecorderFactory for () {
    type Recorder = ();

    fn recorder(&self, _: &[String]) {}
}

/// Ignores all events.
impl Recorder for () {
    #[inline]
    fn record(&self, _: Event) {}
}

/// Passes each event to the recorder, if there is one.
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

/// Counts each event in the Prometheus families.
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
            Event::ForeignValue { server } => self.foreign_value(server),
            Event::BreakerRejected { server } => self.breaker_rejected(server),
            Event::ConnectionCreated { server } => self.connection_created(server),
            Event::ConnectionClosed { server, reason } => self.connection_closed(server, reason),
            Event::Acquired { server, waited } => self.acquired(server, waited),
            Event::AcquireFailed { server } => self.acquire_failed(server),
            Event::StartedLate { by } => self.started_late(by),
            Event::WokeLate { by } => self.woke_late(by),
            Event::Dropped { operations } => self.dropped(operations),
            Event::Abandoned { server } => self.abandoned(server),
        }
    }
}
