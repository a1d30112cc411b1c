//! What many measurements say together. Pure.

use std::fmt;

/// One measurement of one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Operations per second, counted by the server.
    pub(crate) rate: f64,
    /// Microseconds of processor time of the client per operation.
    pub(crate) cost: f64,
    /// Processors that neither the client nor the server had: the neighbours' part.
    pub(crate) others: f64,
}

/// Median and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, min, max })
    }

    /// The ratio of two medians, with the extremes of the ratios inside each round.
    pub(crate) fn ratio(over: &[f64], under: &[f64]) -> Option<Self> {
        let inside = Self::of(over.iter().zip(under).map(|(over, under)| over / under))?;
        let (over, under) = (Self::of(over.iter().copied())?, Self::of(under.iter().copied())?);
        Some(Self { median: over.median / under.median, ..inside })
    }

    pub(crate) fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { median: change(self.median), min: change(self.min), max: change(self.max) }
    }
}

/// `median [min..max]`, with the precision asked for.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} [{:.digits$}..{:.digits$}]", self.median, self.min, self.max)
    }
}

/// The order in which `count` subjects take their turn in a round: nobody is always first.
pub(crate) fn turns(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |place| (place + round) % count)
}

#[cfg(test)]
mod tests {
    use super::{Spread, turns};

    #[test]
    fn medians_of_odd_and_even_counts() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_ratio_is_of_medians_and_its_extremes_are_of_rounds() {
        // The slow second round was slow for both: it does not widen the ratio.
        let ratio = Spread::ratio(&[6.0, 12.0, 6.6], &[6.0, 12.0, 6.0]).unwrap();
        assert_eq!(format!("{ratio:.1}"), "1.1 [1.0..1.1]");
    }

    #[test]
    fn everyone_is_first_once() {
        let first: Vec<_> = (0..3).map(|round| turns(round, 3).next().unwrap()).collect();
        assert_eq!(first, [0, 1, 2]);
        assert_eq!(turns(1, 3).collect::<Vec<_>>(), [1, 2, 0]);
    }
}
