//! Numbers that one thread writes and any thread reads: a counter and a histogram, without locks and without atomic
//! read-modify-write. What is counted is decided elsewhere.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A counter with a single writer.
///
/// The writer loads and stores: an atomic addition takes about six times as long. Two writers at once would lose
/// increments, so each load thread has its own counters and the scrape adds them up.
#[derive(Debug, Default)]
pub struct SingleWriterCounter(AtomicU64);

impl SingleWriterCounter {
    /// Adds to the count.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Subtracts one. Below zero the count wraps: where it went up on another shard, the sum over the shards is right.
    #[inline]
    pub fn dec(&self) {
        self.add(u64::MAX);
    }

    /// The count.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Upper bucket edges in nanoseconds, ascending. The last bucket has no upper edge.
#[derive(Clone, Debug)]
pub(crate) struct Edges {
    uppers: Box<[u64]>,
    /// The lowest bucket that a value can be in, by the number of its significant bits. A search of one or two steps from
    /// there finds the bucket.
    first: [u8; u64::BITS as usize + 1],
}

impl Edges {
    /// The lab's latency edges: 50 us to 5 s, with an edge at each of `timeouts`. Each edge adds two lines to a scrape for
    /// every operation of every node.
    pub(crate) fn latency(timeouts: &[Duration]) -> Edges {
        let us = [
            50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
            5_000_000,
        ];
        Edges::new(&us, timeouts)
    }

    /// A few edges for times that are short unless something is wrong.
    pub(crate) fn coarse(timeouts: &[Duration]) -> Edges {
        Edges::new(&[100, 1_000, 10_000, 100_000, 1_000_000, 5_000_000], timeouts)
    }

    fn new(us: &[u64], timeouts: &[Duration]) -> Edges {
        let mut nanos: Vec<u64> = us.iter().map(|us| us * 1_000).collect();
        nanos.extend(timeouts.iter().map(|timeout| whole_nanos(*timeout)));
        nanos.sort_unstable();
        nanos.dedup();
        let first = std::array::from_fn(|bits| {
            let least = if bits == 0 { 0 } else { 1 << (bits - 1) };
            // Too high would give wrong buckets, too low only costs time.
            u8::try_from(nanos.partition_point(|edge| *edge < least)).unwrap_or(u8::MAX)
        });
        Edges { uppers: nanos.into(), first }
    }

    fn len(&self) -> usize {
        self.uppers.len()
    }

    /// The bucket of a value. A value equal to an edge is in the bucket below it, as in `le`.
    #[inline]
    fn bucket(&self, nanos: u64) -> usize {
        let first = usize::from(self.first[(u64::BITS - nanos.leading_zeros()) as usize]);
        first + self.uppers[first..].iter().take_while(|edge| **edge < nanos).count()
    }
}

/// [`Duration::as_nanos`] in 64 bits. Longer times count as the longest that fits, more than 500 years.
#[inline]
pub fn whole_nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos().into())
}

/// A histogram with a single writer.
#[derive(Debug)]
pub(crate) struct HistogramCells {
    counts: Box<[SingleWriterCounter]>,
    sum_nanos: SingleWriterCounter,
}

impl HistogramCells {
    pub(crate) fn new(edges: &Edges) -> HistogramCells {
        HistogramCells {
            counts: (0..=edges.len()).map(|_| SingleWriterCounter::default()).collect(),
            sum_nanos: SingleWriterCounter::default(),
        }
    }

    #[inline]
    pub(crate) fn observe(&self, edges: &Edges, value: Duration) {
        let nanos = whole_nanos(value);
        if let Some(cell) = self.counts.get(edges.bucket(nanos)) {
            cell.inc();
        }
        self.sum_nanos.add(nanos);
    }
}

/// The sum of one histogram over all shards, in the form that the encoder expects.
#[derive(Clone, Debug)]
pub(crate) struct MergedHistogram {
    /// (upper edge in seconds, count in this bucket); the last edge is infinite.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// Sum of the values, in seconds.
    pub(crate) sum: f64,
}

impl MergedHistogram {
    pub(crate) fn sum<'a>(
        edges: &Edges,
        shards: impl Iterator<Item = &'a HistogramCells>,
    ) -> MergedHistogram {
        let mut counts = vec![0u64; edges.len() + 1];
        let mut nanos = 0u64;
        for shard in shards {
            for (total, cell) in counts.iter_mut().zip(&shard.counts) {
                *total += cell.get();
            }
            nanos = nanos.wrapping_add(shard.sum_nanos.get());
        }
        // The last edge is written as `+Inf`, the bucket that every reader of a histogram needs.
        let uppers = edges.uppers.iter().map(|edge| *edge as f64 / 1e9).chain([f64::INFINITY]);
        MergedHistogram { buckets: uppers.zip(counts).collect(), sum: nanos as f64 / 1e9 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn edges_hold_the_tenth_of_a_second_and_every_timeout() {
        let edges = Edges::latency(&[Duration::from_millis(300), Duration::from_millis(500)]);
        let merged = MergedHistogram::sum(&edges, std::iter::empty());
        let uppers: Vec<f64> = merged.buckets.iter().map(|(upper, _)| *upper).collect();
        for edge in [50e-6, 0.1, 0.3, 0.5, 5.0, f64::INFINITY] {
            assert!(uppers.contains(&edge), "{edge} in {uppers:?}");
        }
        assert!(uppers.windows(2).all(|w| w[0] < w[1]));
    }

    proptest! {
        /// For any timeouts, the bucket of a value is the first whose edge is not below the value.
        #[test]
        fn the_table_finds_the_same_bucket_as_a_search(
            timeouts in proptest::collection::vec(0u64..20_000_000_000, 0..4),
            bits in 0..64u32, part: u64, step in 0..3u64,
        ) {
            let timeouts: Vec<Duration> = timeouts.into_iter().map(Duration::from_nanos).collect();
            let edges = Edges::latency(&timeouts);
            let near = edges.uppers.iter().flat_map(|edge| [edge.saturating_sub(1) + step]);
            for nanos in near.chain([part >> bits, u64::MAX, 0]) {
                prop_assert_eq!(edges.bucket(nanos), edges.uppers.partition_point(|edge| *edge < nanos));
            }
        }

        /// Every value is counted once, in the first bucket whose edge is not below it.
        #[test]
        fn each_value_lands_in_its_bucket(nanos in 0u64..10_000_000_000) {
            let edges = Edges::latency(&[]);
            let cells = HistogramCells::new(&edges);
            cells.observe(&edges, Duration::from_nanos(nanos));
            let merged = MergedHistogram::sum(&edges, [&cells].into_iter());
            let hit: Vec<usize> = (0..merged.buckets.len()).filter(|i| merged.buckets[*i].1 == 1).collect();
            prop_assert_eq!(hit.len(), 1);
            let value = nanos as f64 / 1e9;
            prop_assert!(value <= merged.buckets[hit[0]].0);
            prop_assert!(hit[0] == 0 || value > merged.buckets[hit[0] - 1].0);
        }

        /// A count that goes up on one shard and down on another adds up.
        #[test]
        fn counts_may_fall_on_another_shard(ups in 0u64..100, downs in 0u64..100) {
            let (a, b) = (SingleWriterCounter::default(), SingleWriterCounter::default());
            (0..ups.max(downs)).for_each(|_| a.inc());
            (0..downs).for_each(|_| b.dec());
            prop_assert_eq!(a.get().wrapping_add(b.get()), ups.max(downs) - downs);
        }
    }
}
