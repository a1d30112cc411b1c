//! From the findings of a run to its end. Pure.

use metrics_core::labels::{Finding, RunStatus};

use super::Judged;
use super::expectation::{Expectation, Must, Subject};

/// How a run ends that walked all its phases.
pub(crate) fn overall(findings: &[(&Expectation, &Judged)]) -> RunStatus {
    let is = |finding| move |judged: &Judged| judged.finding == Some(finding);
    let unproven = findings.iter().any(|(expectation, judged)| {
        expectation.subject == Subject::Fault && is(Finding::Inconclusive)(judged)
    });
    let counts = |expectation: &Expectation| match expectation.must {
        // What must not be is as wrong without the fault as with it.
        Must::Always | Must::Never => true,
        // What must come about may be missing because the fault is.
        Must::Sometime | Must::AtEnd | Must::Within(_) | Must::Compare(_) => !unproven,
    };
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
