//! Groups the expectations of a report that did not pass by their reason. Pure.

use std::collections::BTreeSet;

use metrics_core::labels::Finding;

use crate::verdict::report::{ExpectationResult, RunReport};

/// Expectations that failed, or were inconclusive, for the same reason.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) expectations: Vec<&'a ExpectationResult>,
    result: Finding,
}

impl RunReport {
    /// In the order of the expectations.
    pub(crate) fn problems(&self) -> Vec<Problem<'_>> {
        let mut problems: Vec<Problem<'_>> = Vec::new();
        for expectation in &self.expectations {
            let Some(result @ (Finding::Fail | Finding::Inconclusive)) = expectation.result else { continue };
            let is_same = |problem: &&mut Problem<'_>| {
                problem.result == result && problem.reason() == expectation.reason
            };
            match problems.iter_mut().find(is_same) {
                Some(problem) => problem.expectations.push(expectation),
                None => problems.push(Problem { expectations: vec![expectation], result }),
            }
        }
        problems
    }
}

impl Problem<'_> {
    pub(crate) fn describe(&self) -> String {
        let names: Vec<&str> =
            self.expectations.iter().map(|expectation| expectation.name.as_str()).collect();
        format!("{}: {}: {}", self.result.as_str(), names.join(", "), self.reason())
    }

    /// The pages that explain why it is inconclusive, each once.
    pub(crate) fn pages(&self) -> BTreeSet<&'static str> {
        self.expectations.iter().filter_map(|expectation| expectation.page).collect()
    }

    fn reason(&self) -> &str {
        self.expectations.first().map_or("", |expectation| expectation.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(name: &str, result: Option<Finding>, reason: &str) -> ExpectationResult {
        ExpectationResult {
            name: name.to_owned(),
            judges: "client",
            phase: "testing",
            must: "always".to_owned(),
            result,
            reason: reason.to_owned(),
            page: None,
            promql: "up".to_owned(),
        }
    }

    #[test]
    fn expectations_with_the_same_reason_are_one_problem() {
        let expectations = vec![
            expectation("a", Some(Finding::Inconclusive), "no data"),
            expectation("b", Some(Finding::Pass), "held"),
            expectation("c", Some(Finding::Fail), "false"),
            expectation("d", Some(Finding::Inconclusive), "no data"),
            expectation("e", None, "no data"),
        ];
        let report = RunReport { expectations, ..RunReport::without_verdict("x", "r", &[], String::new()) };
        let lines: Vec<String> = report.problems().iter().map(Problem::describe).collect();
        assert_eq!(lines, ["inconclusive: a, d: no data", "fail: c: false"]);
    }
}
