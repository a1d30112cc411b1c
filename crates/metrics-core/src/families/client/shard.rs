//! The counts of one load thread, per node. Nothing is merged, named or encoded here.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::STALL;
use crate::cells::{Edges, HistogramCells, SingleWriterCounter, whole_nanos};
use crate::fine_histogram::FineHistogramCells;
use crate::labels::{CloseReason, CorruptKind, ErrorType, Operation, Status};

/// One finished operation, as the caller saw it.
#[derive(Clone, Copy, Debug)]
pub struct FinishedOperation {
    /// Index of the node the key belongs to.
    pub server: usize,
    /// The kind of operation.
    pub operation: Operation,
    /// The error of a failed operation.
    pub outcome: Result<(), ErrorType>,
    /// Time from the intended start to the end.
    pub latency: Duration,
    /// Time from the first byte sent to the end. `None` when nothing was sent.
    pub service: Option<Duration>,
}

/// The counters of one load thread. Only that thread writes them, as [`SingleWriterCounter`] requires. The alignment keeps
/// two threads from writing to one cache line, or to two lines that are fetched together.
#[derive(Debug)]
#[repr(align(128))]
pub struct ClientShard {
    pub(super) servers: Box<[ServerCells]>,
    pub(super) lateness: HistogramCells,
    pub(super) fine_lateness: FineHistogramCells,
    pub(super) timer_lateness: HistogramCells,
    /// Nanoseconds.
    pub(super) stalled: SingleWriterCounter,
    pub(super) dropped: SingleWriterCounter,
    pub(super) abandoned: SingleWriterCounter,
    edges: Edges,
    waits: Edges,
}

#[derive(Debug)]
#[repr(align(128))]
pub(super) struct ServerCells {
    pub(super) in_flight: SingleWriterCounter,
    pub(super) operations: [[SingleWriterCounter; Status::COUNT]; Operation::COUNT],
    pub(super) errors: [SingleWriterCounter; ErrorType::COUNT],
    pub(super) duration: [HistogramCells; Operation::COUNT],
    pub(super) service: [HistogramCells; Operation::COUNT],
    pub(super) fine_latency: FineHistogramCells,
    pub(super) fine_service: FineHistogramCells,
    pub(super) hits: SingleWriterCounter,
    pub(super) misses: SingleWriterCounter,
    pub(super) corrupt: [SingleWriterCounter; CorruptKind::COUNT],
    pub(super) late_writes: SingleWriterCounter,
    pub(super) foreign: SingleWriterCounter,
    pub(super) rejected: SingleWriterCounter,
    pub(super) created: SingleWriterCounter,
    pub(super) closed: [SingleWriterCounter; CloseReason::COUNT],
    pub(super) acquire_errors: SingleWriterCounter,
    pub(super) acquire: HistogramCells,
    /// Nanoseconds since the epoch; 0 before the first error.
    pub(super) last_error: AtomicU64,
}

impl ServerCells {
    fn new(edges: &Edges, waits: &Edges) -> ServerCells {
        ServerCells {
            in_flight: SingleWriterCounter::default(),
            operations: Default::default(),
            errors: Default::default(),
            duration: Operation::ALL.map(|_| HistogramCells::new(edges)),
            service: Operation::ALL.map(|_| HistogramCells::new(edges)),
            fine_latency: FineHistogramCells::default(),
            fine_service: FineHistogramCells::default(),
            hits: SingleWriterCounter::default(),
            misses: SingleWriterCounter::default(),
            corrupt: Default::default(),
            late_writes: SingleWriterCounter::default(),
            foreign: SingleWriterCounter::default(),
            rejected: SingleWriterCounter::default(),
            created: SingleWriterCounter::default(),
            closed: Default::default(),
            acquire_errors: SingleWriterCounter::default(),
            acquire: HistogramCells::new(waits),
            last_error: AtomicU64::new(0),
        }
    }
}

// `servers` has an entry for each node. An event with any other index is not counted.
impl ClientShard {
    pub(super) fn new(servers: usize, edges: &Edges, waits: &Edges) -> ClientShard {
        ClientShard {
            servers: (0..servers).map(|_| ServerCells::new(edges, waits)).collect(),
            lateness: HistogramCells::new(edges),
            fine_lateness: FineHistogramCells::default(),
            timer_lateness: HistogramCells::new(edges),
            stalled: SingleWriterCounter::default(),
            dropped: SingleWriterCounter::default(),
            abandoned: SingleWriterCounter::default(),
            edges: edges.clone(),
            waits: waits.clone(),
        }
    }

    #[inline]
    fn on(&self, server: usize, count: impl FnOnce(&ServerCells)) {
        if let Some(cells) = self.servers.get(server) {
            count(cells);
        }
    }

    /// An operation started. It is in flight until [`finished`](Self::finished).
    #[inline]
    pub fn started(&self, server: usize) {
        self.on(server, |s| s.in_flight.inc());
    }

    /// An operation in flight continues at another node.
    pub fn moved(&self, from: usize, to: usize) {
        self.on(from, |s| s.in_flight.dec());
        self.on(to, |s| s.in_flight.inc());
    }

    /// An attempt failed after an exchange of this length and is repeated. It counts in the service time only.
    pub fn repeated(&self, server: usize, operation: Operation, service: Duration) {
        self.on(server, |s| s.service[operation.index()].observe(&self.edges, service));
    }

    /// An operation that was [`started`](Self::started) ended.
    #[inline]
    pub fn finished(&self, op: &FinishedOperation) {
        self.on(op.server, |s| {
            let kind = op.operation.index();
            s.in_flight.dec();
            s.duration[kind].observe(&self.edges, op.latency);
            s.fine_latency.observe(op.latency);
            if let Some(service) = op.service {
                s.service[kind].observe(&self.edges, service);
                s.fine_service.observe(service);
            }
            match op.outcome {
                Ok(()) => s.operations[kind][Status::Success.index()].inc(),
                Err(error) => {
                    s.operations[kind][Status::Failed.index()].inc();
                    s.errors[error.index()].inc();
                    s.last_error.store(epoch_nanos(SystemTime::now()), Relaxed);
                }
            }
        });
    }

    /// A read found its key.
    #[inline]
    pub fn hit(&self, server: usize) {
        self.on(server, |s| s.hits.inc());
    }

    /// A read did not find its key.
    #[inline]
    pub fn miss(&self, server: usize) {
        self.on(server, |s| s.misses.inc());
    }

    /// A read returned a wrong value.
    pub fn corrupt(&self, server: usize, kind: CorruptKind) {
        self.on(server, |s| s.corrupt[kind.index()].inc());
    }

    /// A read returned a value whose write was never acknowledged.
    pub fn late_write(&self, server: usize) {
        self.on(server, |s| s.late_writes.inc());
    }

    /// A read returned a value that the lab did not write.
    pub fn foreign_value(&self, server: usize) {
        self.on(server, |s| s.foreign.inc());
    }

    /// The breaker rejected an operation.
    pub fn breaker_rejected(&self, server: usize) {
        self.on(server, |s| s.rejected.inc());
    }

    /// A connection was opened.
    pub fn connection_created(&self, server: usize) {
        self.on(server, |s| s.created.inc());
    }

    /// The client closed a connection.
    pub fn connection_closed(&self, server: usize, reason: CloseReason) {
        self.on(server, |s| s.closed[reason.index()].inc());
    }

    /// An operation got a connection after `waited`, including dialling.
    #[inline]
    pub fn acquired(&self, server: usize, waited: Duration) {
        self.on(server, |s| s.acquire.observe(&self.waits, waited));
    }

    /// An operation got no connection.
    pub fn acquire_failed(&self, server: usize) {
        self.on(server, |s| s.acquire_errors.inc());
    }

    /// Open loop: an operation started this much after its intended start.
    #[inline]
    pub fn started_late(&self, by: Duration) {
        self.lateness.observe(&self.edges, by);
        self.fine_lateness.observe(by);
    }

    /// The timer that no operation uses expired this much too late.
    pub fn woke_late(&self, by: Duration) {
        self.timer_lateness.observe(&self.edges, by);
        if by >= STALL {
            self.stalled.add(whole_nanos(by));
        }
    }

    /// Open loop: an operation that was [`started`](Self::started) got no connection in time and was dropped.
    pub fn abandoned(&self, server: usize) {
        self.on(server, |s| s.in_flight.dec());
        self.abandoned.inc();
    }

    /// Open loop: operations were dropped because no worker could start them in time.
    pub fn dropped(&self, operations: u64) {
        self.dropped.add(operations);
    }
}

/// A wall-clock instant in nanoseconds since the epoch.
pub(super) fn epoch_nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
