//! The client's counts per node for the report at the end of a run. They are not exported as series.

use super::collector::ClientFamilies;
use crate::fine_histogram::FineHistogram;
use crate::labels::{CorruptKind, ErrorType, Operation, Status};

/// The counts and times of one node's operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// Operations by [`Operation::index`] and [`Status::index`].
    pub operations: [[u64; Status::COUNT]; Operation::COUNT],
    /// Failures by [`ErrorType::index`].
    pub errors: [u64; ErrorType::COUNT],
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not find their key.
    pub misses: u64,
    /// Reads of a wrong value by [`CorruptKind::index`].
    pub corrupt: [u64; CorruptKind::COUNT],
    /// Values read whose write was never acknowledged.
    pub late_writes: u64,
    /// Values read that the lab did not write.
    pub foreign: u64,
    /// Times from the intended start to the end.
    pub latency: FineHistogram,
    /// Times from the first byte sent to the end.
    pub service: FineHistogram,
}

impl Breakdown {
    /// Adds the counts and times of another node.
    pub fn merge(&mut self, other: &Breakdown) {
        let pairs = self.operations.iter_mut().flatten().zip(other.operations.iter().flatten());
        let errors = self.errors.iter_mut().zip(&other.errors);
        let corrupt = self.corrupt.iter_mut().zip(&other.corrupt);
        pairs.chain(errors).chain(corrupt).for_each(|(sum, count)| *sum += count);
        self.hits += other.hits;
        self.misses += other.misses;
        self.late_writes += other.late_writes;
        self.foreign += other.foreign;
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
    }

    /// Operations that ended with this status.
    pub fn ended(&self, status: Status) -> u64 {
        self.operations.iter().map(|operation| operation[status.index()]).sum()
    }
}

impl ClientFamilies {
    /// The counts of a node at this moment.
    pub fn breakdown(&self, server: usize) -> Breakdown {
        let mut sum = Breakdown::default();
        for s in self.cells(server) {
            let operations = sum.operations.iter_mut().flatten().zip(s.operations.iter().flatten());
            let errors = sum.errors.iter_mut().zip(&s.errors);
            let corrupt = sum.corrupt.iter_mut().zip(&s.corrupt);
            operations.chain(errors).chain(corrupt).for_each(|(sum, cell)| *sum += cell.get());
            sum.hits += s.hits.get();
            sum.misses += s.misses.get();
            sum.late_writes += s.late_writes.get();
            sum.foreign += s.foreign.get();
            sum.latency.add(&s.fine_latency);
            sum.service.add(&s.fine_service);
        }
        sum
    }

    /// How late the operations of an open loop started.
    pub fn lateness(&self) -> FineHistogram {
        let mut sum = FineHistogram::default();
        self.shards().iter().for_each(|shard| sum.add(&shard.fine_lateness));
        sum
    }
}
