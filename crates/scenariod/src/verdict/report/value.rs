//! The number of a figure: its unit, which end of it is worse, and how much of it is known. Pure.

use serde::{Serialize, Serializer};

use super::quantile::Quantile;
use super::times::Recovery;
use crate::text::{format_ratio, format_seconds};

/// What a figure's number is, and which end of it is worse.
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

    fn text(self, value: f64) -> String {
        match self {
            Unit::Seconds => format_seconds(value),
            Unit::Ratio => format_ratio(value),
            Unit::PerSecond => format!("{value:.0}/s"),
            Unit::Count => format!("{value:.0}"),
        }
    }

    /// Of the same figure; beside a lower bound, the larger one is a lower bound as well.
    pub(super) fn worse(self, one: Value, other: Value) -> Value {
        let worse = if self.lower_is_worse() { f64::min } else { f64::max };
        Value::new(worse(one.number(), other.number()), one.is_bound() || other.is_bound())
    }
}

/// A figure, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    About(f64),
    /// More than this is not known.
    Above(f64),
    /// What was waited for did not come.
    NotSeen,
}

impl Value {
    fn new(number: f64, bound: bool) -> Value {
        if number.is_infinite() {
            Value::NotSeen
        } else if bound {
            Value::Above(number)
        } else {
            Value::About(number)
        }
    }

    /// What did not come took for ever.
    pub(super) fn number(self) -> f64 {
        match self {
            Value::About(number) | Value::Above(number) => number,
            Value::NotSeen => f64::INFINITY,
        }
    }

    pub(super) fn is_bound(self) -> bool {
        matches!(self, Value::Above(_))
    }

    /// `None`: there was nothing to wait for, or too little of it.
    pub(super) fn of(recovery: Recovery) -> Option<Value> {
        match recovery {
            Recovery::After(seconds) => Some(Value::About(seconds)),
            Recovery::NotSeen => Some(Value::NotSeen),
            Recovery::Untold => None,
        }
    }

    /// Of sorted ones: a lower bound up to the middle may belong behind it.
    pub(super) fn median(sorted: &[Value]) -> Option<Value> {
        let low_half = sorted.get(..=sorted.len() / 2)?;
        let (low, high) = (sorted.get((sorted.len() - 1) / 2)?, low_half.last()?);
        let bound = low_half.iter().any(|value| value.is_bound());
        Some(Value::new(f64::midpoint(low.number(), high.number()), bound))
    }

    pub(super) fn text(self, unit: Unit) -> String {
        match self {
            Value::About(number) => unit.text(number),
            Value::Above(number) => format!(">{}", unit.text(number)),
            Value::NotSeen => "not seen".to_owned(),
        }
    }
}

impl From<Quantile> for Value {
    fn from(quantile: Quantile) -> Value {
        Value::new(quantile.seconds(), quantile.is_bound())
    }
}

/// What was not seen has no number.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let number = Some(self.number()).filter(|number| number.is_finite());
        number.serialize(serializer)
    }
}
