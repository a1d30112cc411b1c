//! A number above 0 and at most 1: a rate of losses, a share of connections, a part of a full strength.

use std::fmt;
use std::ops::Mul;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

const RULE: &str = "must be a number above 0 and at most 1";

/// A number in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// The whole: 1.
    pub const ONE: Fraction = Fraction(1.0);

    /// The least that a user may write. A smaller one is a slip: in a million operations a second it would not happen
    /// once in a quarter of an hour.
    const LEAST_WRITTEN: f64 = 1e-9;

    /// `None` outside (0, 1].
    pub fn new(value: f64) -> Option<Fraction> {
        (value > 0.0 && value <= 1.0).then_some(Fraction(value))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// This part of a duration.
    pub fn of(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0)
    }

    fn written(value: f64) -> Option<Fraction> {
        Fraction::new(value).filter(|fraction| fraction.0 >= Self::LEAST_WRITTEN)
    }
}

impl Mul for Fraction {
    type Output = Fraction;

    /// A part of a part. It stays above zero, however small both are.
    fn mul(self, part: Fraction) -> Fraction {
        Fraction((self.0 * part.0).max(f64::MIN_POSITIVE))
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Fraction, String> {
        text.parse().ok().and_then(Fraction::written).ok_or_else(|| RULE.to_owned())
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fraction::written(f64::deserialize(deserializer)?).ok_or_else(|| de::Error::custom(RULE))
    }
}

impl JsonSchema for Fraction {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "fraction".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "exclusiveMinimum": 0, "minimum": Fraction::LEAST_WRITTEN, "maximum": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_lies_above_zero_and_up_to_one() {
        for wrong in [0.0, -0.0, -0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert_eq!(Fraction::new(wrong), None, "{wrong}");
        }
        assert_eq!(Fraction::new(1.0), Some(Fraction::ONE));
        assert_eq!(Fraction::new(0.02).map(Fraction::get), Some(0.02));
    }

    #[test]
    fn a_written_fraction_can_be_seen() {
        for wrong in ["0", "1e-10", "1.1", "-1", "x", "", "NaN", "inf"] {
            assert_eq!(wrong.parse::<Fraction>(), Err(RULE.to_owned()), "{wrong}");
        }
        assert_eq!("1e-9".parse::<Fraction>().map(Fraction::get), Ok(1e-9));
        assert_eq!("0.3".parse::<Fraction>().map(|fraction| fraction.to_string()), Ok("0.3".to_owned()));
    }

    #[test]
    fn a_part_of_a_part_stays_a_fraction() {
        let half = Fraction::new(0.5).expect("a fraction");
        let least = Fraction::new(f64::MIN_POSITIVE).expect("a fraction");
        assert_eq!((half * half).get(), 0.25);
        assert!((least * least).get() > 0.0);
        assert_eq!(half.of(Duration::from_secs(3)), Duration::from_millis(1500));
    }
}
