//! From the findings of a run to its end. Pure.

use metrics_core::labels::{Finding, RunStatus};

use super::Judged;
use crate::scenario::During;
use crate::scenario::expectation::{Expectation, Subject};

/// How a run ends whose fault did not last, for what is found beside: only what goes without a fault still fails it.
pub(crate) fn unproven(findings: &[(&Expectation, &Judged)]) -> RunStatus {
    let fails = |(expectation, judged): &(&Expectation, &Judged)| {
        expectation.during == During::Run && judged.finding == Some(Finding::Fail)
    };
    if findings.iter().any(fails) { RunStatus::Failed } else { RunStatus::Inconclusive }
}

/// How a run ends that walked all its phases.
pub(crate) fn overall(findings: &[(&Expectation, &Judged)]) -> RunStatus {
    let is = |finding| move |judged: &Judged| judged.finding == Some(finding);
    let unproven = findings.iter().any(|(expectation, judged)| {
        expectation.subject != Subject::Client && is(Finding::Inconclusive)(judged)
    });
    // What goes for the whole run goes for it without a fault. Anything else cannot be laid to a fault that is not
    // seen, nor to the client where something else was wrong before.
    let counts = |expectation: &Expectation| !unproven || expectation.during == During::Run;
    if findings.iter().any(|(expectation, judged)| is(Finding::Fail)(judged) && counts(expectation)) {
        RunStatus::Failed
    } else if unproven
        || findings.iter().any(|(_, judged)| !is(Finding::Pass)(judged) && judged.finding.is_some())
    {
        RunStatus::Inconclusive
    } else {
        RunStatus::Success
    }
}
