//! The expectations and stop rules of a scenario. Nothing is judged here.

use std::time::Duration;

use super::During;
use crate::promql::Query;
use crate::text::format_duration;

/// One line of a verdict: a query and when it must be true.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expectation {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    pub(crate) during: During,
    pub(crate) must: Must,
    pub(crate) query: Query,
}

/// The subject of an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The client under test: it passes or fails.
    Client,
    /// The fault: without a visible effect, nothing was tested.
    Fault,
    /// The client before the fault: if it was unhealthy, nothing can be attributed to the fault.
    Baseline,
}

/// When the query must be true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Must {
    Always,
    Never,
    Sometime,
    AtEnd,
    /// From this long after the start of the phase until its end, at the latest.
    Within(Duration),
    Compare(Bounds),
}

/// Bounds of the mean of a phase, as factors of the mean of stabilization. At least one is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: Option<f64>,
}

/// A condition that ends testing early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StopRule {
    pub(crate) name: String,
    pub(crate) query: Query,
    /// How long the query must be true.
    pub(crate) lasting: Duration,
}

impl Subject {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Subject::Client => "client",
            Subject::Fault => "fault",
            Subject::Baseline => "baseline",
        }
    }
}

impl Must {
    /// In words that can follow the name of the expectation.
    pub(crate) fn describe(self) -> String {
        match self {
            Must::Always => "always".to_owned(),
            Must::Never => "never".to_owned(),
            Must::Sometime => "at some time".to_owned(),
            Must::AtEnd => "at the end".to_owned(),
            Must::Within(limit) => format!("within {}", format_duration(limit)),
            Must::Compare(bounds) => {
                let least = bounds.at_least.map(|least| format!("at least {least} x stabilization"));
                let most = bounds.at_most.map(|most| format!("at most {most} x stabilization"));
                let both: Vec<String> = least.into_iter().chain(most).collect();
                both.join(", ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_described_as_a_factor() {
        let said = |at_least, at_most| Must::Compare(Bounds { at_least, at_most }).describe();
        assert_eq!(said(Some(2.0), None), "at least 2 x stabilization");
        assert_eq!(said(Some(0.5), Some(1.5)), "at least 0.5 x stabilization, at most 1.5 x stabilization");
    }
}
