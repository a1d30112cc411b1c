//! A histogram that is fine enough for the quantiles of a report: log-linear cells, each less than 1% wide. It is never
//! exported; the buckets of exported histograms are in `cells`.

use std::time::Duration;

use crate::cells::{SingleWriterCounter, whole_nanos};

/// The smallest step is 8 ns.
const UNIT_BITS: u32 = 3;
/// Cells per doubling: 128, so that a cell is at most 1/128 of its value wide.
const STEP_BITS: u32 = 7;
const STEPS: usize = 1 << STEP_BITS;
/// Doublings above the linear part: up to 137 s. Longer times count in the last cell.
const DOUBLINGS: usize = 27;
const CELLS: usize = (DOUBLINGS + 1) * STEPS;

/// The cell of a time, as in HdrHistogram: linear at first, then [`STEPS`] cells per doubling.
#[inline]
fn cell_index(nanos: u64) -> usize {
    let units = nanos >> UNIT_BITS;
    let shift = (u64::BITS - units.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let index = ((shift as usize) << STEP_BITS) + (units >> shift) as usize;
    index.min(CELLS - 1)
}

/// The longest time, in nanoseconds, that belongs to a cell.
fn upper_nanos(index: usize) -> u64 {
    let shift = (index >> STEP_BITS).saturating_sub(1);
    let units = (index - (shift << STEP_BITS)) as u64;
    (((units + 1) << shift) << UNIT_BITS) - 1
}

/// The cells of one load thread, which only that thread writes.
#[derive(Debug)]
pub(crate) struct FineHistogramCells {
    counts: Box<[SingleWriterCounter]>,
    max_nanos: SingleWriterCounter,
}

impl Default for FineHistogramCells {
    fn default() -> FineHistogramCells {
        FineHistogramCells {
            counts: (0..CELLS).map(|_| SingleWriterCounter::default()).collect(),
            max_nanos: SingleWriterCounter::default(),
        }
    }
}

impl FineHistogramCells {
    #[inline]
    pub(crate) fn observe(&self, value: Duration) {
        let nanos = whole_nanos(value);
        if let Some(cell) = self.counts.get(cell_index(nanos)) {
            cell.inc();
        }
        let max = self.max_nanos.get();
        if nanos > max {
            self.max_nanos.add(nanos - max);
        }
    }
}

/// The sum of the cells of all load threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FineHistogram {
    counts: Vec<u64>,
    max_nanos: u64,
}

impl FineHistogram {
    pub(crate) fn add(&mut self, cells: &FineHistogramCells) {
        self.counts.resize(CELLS, 0);
        for (sum, cell) in self.counts.iter_mut().zip(&cells.counts) {
            *sum += cell.get();
        }
        self.max_nanos = self.max_nanos.max(cells.max_nanos.get());
    }

    /// Adds the times of another histogram.
    pub fn merge(&mut self, other: &FineHistogram) {
        self.counts.resize(CELLS, 0);
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
        self.max_nanos = self.max_nanos.max(other.max_nanos);
    }

    /// The number of times counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The cells that are not empty, shortest times first: the longest time of each cell and its count.
    pub fn cells(&self) -> impl Iterator<Item = (Duration, u64)> {
        let counted = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counted.map(|(index, count)| (Duration::from_nanos(self.longest(index)), *count))
    }

    /// The longest time of a cell that is not empty. The last cell has no upper end, so the longest time counted is used.
    fn longest(&self, index: usize) -> u64 {
        if index == CELLS - 1 { self.max_nanos } else { upper_nanos(index).min(self.max_nanos) }
    }

    /// The longest time, exactly.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_nanos)
    }

    /// The time that this share (0 to 1) of all times does not exceed. It is never too short and at most 1% too long. `None`
    /// when nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let index = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_nanos(self.longest(index)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{CELLS, FineHistogram, FineHistogramCells, cell_index, upper_nanos};

    fn histogram(nanos: &[u64]) -> FineHistogram {
        let cells = FineHistogramCells::default();
        nanos.iter().for_each(|nanos| cells.observe(Duration::from_nanos(*nanos)));
        let mut histogram = FineHistogram::default();
        histogram.add(&cells);
        histogram
    }

    proptest! {
        /// A time is in its cell, and the cell ends less than 1% or one step above it.
        #[test]
        fn cells_are_narrow(exponent in 0..37u32, part: u64) {
            let nanos = (1u64 << exponent) + part % (1u64 << exponent);
            let index = cell_index(nanos);
            prop_assert!(index < CELLS - 1 || exponent == 36);
            prop_assert!(upper_nanos(index) >= nanos);
            prop_assert!(upper_nanos(index) - nanos <= (nanos / 100).max(7));
            prop_assert!(index == 0 || upper_nanos(index - 1) < nanos);
        }

        /// A quantile is never shorter than the exact one and at most 1% longer.
        #[test]
        fn quantiles_are_close_to_the_exact_ones(mut nanos in proptest::collection::vec(1_000..10_000_000_000u64, 1..200), share in 0.0..1.0f64) {
            let found = histogram(&nanos).quantile(share).unwrap().as_nanos() as u64;
            nanos.sort_unstable();
            let rank = ((nanos.len() as f64 * share).ceil() as usize).max(1);
            let exact = nanos[rank - 1];
            prop_assert!(found >= exact && found <= exact + exact / 100 + 1, "{} for {}", found, exact);
        }

        /// The cells are in order, hold every time, and end at the same times as the quantiles 0 and 1.
        #[test]
        fn cells_hold_every_time(nanos in proptest::collection::vec(1_000..300_000_000_000u64, 1..200)) {
            let histogram = histogram(&nanos);
            let cells: Vec<_> = histogram.cells().collect();
            prop_assert_eq!(cells.iter().map(|(_, count)| count).sum::<u64>(), nanos.len() as u64);
            prop_assert!(cells.is_sorted());
            prop_assert_eq!(cells.last().map(|(time, _)| *time), histogram.quantile(1.0));
            prop_assert_eq!(cells.first().map(|(time, _)| *time), histogram.quantile(0.0));
        }

        /// Two merged histograms equal one histogram of all their times.
        #[test]
        fn merging_equals_counting_together(one in proptest::collection::vec(0..u64::MAX, 0..50), other in proptest::collection::vec(0..1_000_000u64, 0..50)) {
            let mut merged = histogram(&one);
            merged.merge(&histogram(&other));
            prop_assert_eq!(merged, histogram(&[one, other].concat()));
        }
    }

    #[test]
    fn the_maximum_is_exact_and_an_empty_histogram_has_no_quantile() {
        let some = histogram(&[5, 3_000_000_123, 900_000_000_000]);
        assert_eq!(some.max(), Duration::from_secs(900));
        assert_eq!(some.quantile(1.0), Some(Duration::from_secs(900)));
        assert_eq!((some.count(), FineHistogram::default().quantile(0.5)), (3, None));
    }
}
