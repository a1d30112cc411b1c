//! What a scenario expects, as the catalogue hands it out. Nothing is judged here.

use std::time::Duration;

use super::During;
use crate::promql::Query;
use crate::text::format_duration;

/// One line of a verdict.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expectation {
    pub(crate) name: String,
    pub(crate) subject: Subject,
    pub(crate) during: During,
    pub(crate) must: Must,
    pub(crate) query: Query,
}

/// Whom an expectation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The client under test: it passes or fails.
    Client,
    /// The fault: where it did nothing, nothing was tested.
    Fault,
    /// The client before the fault: where it was not well, what follows cannot be laid to the fault.
    Baseline,
}

/// When the query has to be true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Must {
    Always,
    Never,
    Sometime,
    AtEnd,
    /// No later than so long after the phase began, and from then on.
    Within(Duration),
    Compare(Bounds),
}

/// Bounds of a phase's mean over the mean of stabilization; at least one is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: Option<f64>,
}

/// What ends testing early.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StopRule {
    pub(crate) name: String,
    pub(crate) query: Query,
    /// True for so long.
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
    /// In words that follow the expectation's name.
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
    fn a_bound_is_told_as_a_factor() {
        let said = |at_least, at_most| Must::Compare(Bounds { at_least, at_most }).describe();
        assert_eq!(said(Some(2.0), None), "at least 2 x stabilization");
        assert_eq!(said(Some(0.5), Some(1.5)), "at least 0.5 x stabilization, at most 1.5 x stabilization");
    }
}
