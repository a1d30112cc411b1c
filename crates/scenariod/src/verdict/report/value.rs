//! The value of a figure in a summary: its unit, whether lower is worse, and whether it is only a lower bound. Pure.

use serde::{Serialize, Serializer};

use super::quantile::Quantile;
use super::times::Recovery;
use crate::text::{format_ratio, format_seconds};

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Ratio,
    PerSecond,
    Count,
}

impl Unit {
    fn lower_is_worse(self) -> bool {
        match self {
            Unit::PerSecond => true,
            Unit::Seconds | Unit::Ratio | Unit::Count => false,
        }
    }

    fn format(self, value: f64) -> String {
        match self {
            Unit::Seconds => format_seconds(value),
            Unit::Ratio => format_ratio(value),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Count => format!("{value:.0}"),
        }
    }

    /// The worse of two values of a figure. If one of them is a lower bound, so is the result.
    pub(super) fn worse(self, one: FigureValue, other: FigureValue) -> FigureValue {
        let worse = if self.lower_is_worse() { f64::min } else { f64::max };
        FigureValue::new(worse(one.number(), other.number()), one.is_bound() || other.is_bound())
    }
}

/// The value of a figure, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FigureValue {
    Known(f64),
    LowerBound(f64),
    /// The event did not happen during the run.
    NotSeen,
}

impl FigureValue {
    fn new(number: f64, bound: bool) -> FigureValue {
        if number.is_infinite() {
            FigureValue::NotSeen
        } else if bound {
            FigureValue::LowerBound(number)
        } else {
            FigureValue::Known(number)
        }
    }

    /// Infinite if the event was not seen.
    pub(super) fn number(self) -> f64 {
        match self {
            FigureValue::Known(number) | FigureValue::LowerBound(number) => number,
            FigureValue::NotSeen => f64::INFINITY,
        }
    }

    pub(super) fn is_bound(self) -> bool {
        matches!(self, FigureValue::LowerBound(_))
    }

    /// `None` if there was nothing to recover from, or the recovery phase was too short to tell.
    pub(super) fn from_recovery(recovery: Recovery) -> Option<FigureValue> {
        match recovery {
            Recovery::After(seconds) => Some(FigureValue::Known(seconds)),
            Recovery::NotSeen => Some(FigureValue::NotSeen),
            Recovery::Unknown => None,
        }
    }

    /// The median of sorted values. It is a lower bound if the lower half has one: the true value may be above the median.
    pub(super) fn median(sorted: &[FigureValue]) -> Option<FigureValue> {
        let low_half = sorted.get(..=sorted.len() / 2)?;
        let (low, high) = (sorted.get((sorted.len() - 1) / 2)?, low_half.last()?);
        let bound = low_half.iter().any(|value| value.is_bound());
        Some(FigureValue::new(f64::midpoint(low.number(), high.number()), bound))
    }

    pub(super) fn format(self, unit: Unit) -> String {
        match self {
            FigureValue::Known(number) => unit.format(number),
            FigureValue::LowerBound(number) => format!(">{}", unit.format(number)),
            FigureValue::NotSeen => "not seen".to_owned(),
        }
    }
}

impl From<Quantile> for FigureValue {
    fn from(quantile: Quantile) -> FigureValue {
        FigureValue::new(quantile.seconds(), quantile.is_bound())
    }
}

/// `null` if the event was not seen.
impl Serialize for FigureValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = Some(self.number()).filter(|number| number.is_finite());
        number.serialize(serializer)
    }
}
