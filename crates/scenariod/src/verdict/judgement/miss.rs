//! How a failed expectation missed what it requires, as data. Nothing is decided here.

use crate::scenario::expectation::Bounds;

/// How a failed expectation missed what it requires.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Miss {
    /// The mean of the phase, as a factor of stabilization.
    Factor { ratio: f64, bounds: Bounds },
    /// At one moment. `value` is what was compared there, if it is known.
    Moment { value: Option<f64> },
    /// At moments after the limit: the points of the phase, in seconds, and whether each held.
    Late { points: Vec<(f64, bool)> },
    /// It never happened.
    Never,
}
