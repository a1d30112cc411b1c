//! The values that the keys of faults take, with their bounds. `x-from` and `x-to` in a schema are the bounds that JSON
//! schema cannot express; the guide shows them. A documentation comment on a type would become part of the guide. Pure.

use std::time::Duration;

use daemon_core::problems::figure;
use daemon_core::values::{Fraction, Positive, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::kind::KeyError;

/// Toxiproxy counts in milliseconds.
const SHORTEST: Duration = Duration::from_millis(1);
/// No run waits longer.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);
/// A rarer event happens in no run.
const LEAST: f64 = 0.000_001;

// How long something waits. The key is needed and its value above zero, unless the field has the schema of
// `OptionalDelay`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(from = "Span")]
#[schemars(inline, with = "Positive", extend("x-from" = "1ms", "x-to" = "1h"))]
pub(super) struct Delay(Duration);

// The schema of a delay that is zero unless the user writes it.
#[derive(JsonSchema)]
#[schemars(inline, transparent, extend("x-from" = "1ms", "x-to" = "1h", "default" = "0s"))]
pub(super) struct OptionalDelay(#[expect(dead_code, reason = "only its schema is used")] Span);

impl Delay {
    pub(super) const fn get(self) -> Duration {
        self.0
    }

    /// As Toxiproxy counts it.
    pub(super) fn millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }

    /// As it is exported.
    pub(super) fn exact_millis(self) -> f64 {
        self.0.as_secs_f64() * 1e3
    }

    pub(super) fn at(self, level: Fraction) -> Delay {
        Delay(level.of(self.0))
    }

    /// Refuses a value out of the bounds; `key` is its key.
    pub(super) fn check(self, key: &'static str) -> Result<(), KeyError> {
        if self.0.is_zero() || (SHORTEST..=LONGEST).contains(&self.0) {
            return Ok(());
        }
        Err(KeyError { key, message: format!("`{key}` must be between 1ms and 1h") })
    }
}

impl From<Span> for Delay {
    fn from(duration: Span) -> Delay {
        Delay(duration.get())
    }
}

/// The schema of a fraction in a scenario file: large enough to have an effect.
pub(crate) enum WrittenFraction {}

impl JsonSchema for WrittenFraction {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "written-fraction".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": LEAST, "maximum": 1 })
    }
}

/// A fraction that no schema has checked: large enough to have an effect, or what is wrong with it. `key` is its key.
pub(crate) fn written_fraction(key: &str, value: f64) -> Result<Fraction, String> {
    let fraction = Fraction::new(value).filter(|_| value >= LEAST);
    fraction.ok_or_else(|| format!("`{key}` is {}, must be from {LEAST} to 1", figure(value)))
}
