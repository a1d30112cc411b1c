//! What kept expectations from holding, each cause told once. Pure.

use metrics_core::labels::Finding;

use crate::verdict::report::{Line, Report};

/// Expectations that failed, or were inconclusive, for one and the same reason.
#[derive(Debug)]
pub(crate) struct Trouble<'a> {
    pub(crate) lines: Vec<&'a Line>,
    result: Finding,
}

impl Report {
    /// In the order of the expectations.
    pub(crate) fn troubles(&self) -> Vec<Trouble<'_>> {
        let mut all: Vec<Trouble<'_>> = Vec::new();
        for line in &self.expectations {
            let Some(result @ (Finding::Fail | Finding::Inconclusive)) = line.result else { continue };
            let alike = |trouble: &&mut Trouble<'_>| {
                trouble.result == result && trouble.lines.iter().all(|other| other.reason == line.reason)
            };
            match all.iter_mut().find(alike) {
                Some(trouble) => trouble.lines.push(line),
                None => all.push(Trouble { lines: vec![line], result }),
            }
        }
        all
    }
}

impl Trouble<'_> {
    pub(crate) fn in_words(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|line| line.name.as_str()).collect();
        let reason = self.lines.first().map_or("", |line| line.reason.as_str());
        format!("{}: {}: {reason}", self.result.as_str(), names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, result: Option<Finding>, reason: &str) -> Line {
        Line {
            name: name.to_owned(),
            judges: "client",
            phase: "testing",
            must: "always".to_owned(),
            result,
            reason: reason.to_owned(),
            promql: "up".to_owned(),
        }
    }

    #[test]
    fn one_cause_is_told_once() {
        let expectations = vec![
            line("a", Some(Finding::Inconclusive), "no data"),
            line("b", Some(Finding::Pass), "held"),
            line("c", Some(Finding::Fail), "false"),
            line("d", Some(Finding::Inconclusive), "no data"),
            line("e", None, "no data"),
        ];
        let report = Report { expectations, ..Report::unjudged("x", "r", &[], String::new()) };
        let told: Vec<String> = report.troubles().iter().map(Trouble::in_words).collect();
        assert_eq!(told, ["inconclusive: a, d: no data", "fail: c: false"]);
    }
}
