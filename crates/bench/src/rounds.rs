//! Statistics over the rounds of a measurement. Pure.

use std::fmt;

/// One measurement of one subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// Operations per second, counted by the server.
    pub(crate) rate: f64,
    /// Microseconds of processor time of the client per operation.
    pub(crate) cost: f64,
    /// Processors that other processes used.
    pub(crate) others: f64,
}

/// Median and extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle value, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// Of these values; `None` without values.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median =
            if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
        Some(Self { median, min, max })
    }

    /// The ratio of two medians, with the extremes of the ratios within the rounds.
    pub fn ratio(over: &[f64], under: &[f64]) -> Option<Self> {
        let inside = Self::of(over.iter().zip(under).map(|(over, under)| over / under))?;
        let (over, under) = (Self::of(over.iter().copied())?, Self::of(under.iter().copied())?);
        Some(Self { median: over.median / under.median, ..inside })
    }

    /// Applies `change` to each value.
    #[must_use]
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        Self { median: change(self.median), min: change(self.min), max: change(self.max) }
    }
}

/// `median [min..max]`, with the precision of the format string.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} [{:.digits$}..{:.digits$}]", self.median, self.min, self.max)
    }
}

/// The order of `count` subjects in a round. Each of them is first in another round.
pub fn turns(round: usize, count: usize) -> impl Iterator<Item = usize> {
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
    fn a_ratio_is_of_medians_and_its_extremes_are_within_rounds() {
        // The second round is slow for both, so it does not widen the ratio.
        let ratio = Spread::ratio(&[6.0, 12.0, 6.6], &[6.0, 12.0, 6.0]).unwrap();
        assert_eq!(format!("{ratio:.1}"), "1.1 [1.0..1.1]");
    }

    #[test]
    fn each_subject_is_first_once() {
        let first: Vec<_> = (0..3).map(|round| turns(round, 3).next().unwrap()).collect();
        assert_eq!(first, [0, 1, 2]);
        assert_eq!(turns(1, 3).collect::<Vec<_>>(), [1, 2, 0]);
    }
}
