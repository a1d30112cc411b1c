//! Counts the verdicts by group and holds them against the goals. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::options::Group;
use crate::plan::group_of;
use crate::record::TrialResult;

/// A count that must not be above, or below, a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Goal {
    what: &'static str,
    count: usize,
    of: usize,
    /// In parts of `of`: the count must be at most, or at least, `limit.0 / limit.1` of it.
    limit: Limit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    AtMost(usize, usize),
    AtLeast(usize, usize),
}

impl Goal {
    pub(crate) fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtMost(part, whole) => self.count * whole <= self.of * part,
            Limit::AtLeast(part, whole) => self.count * whole >= self.of * part,
        }
    }
}

fn verdicts<'a>(results: &[&'a TrialResult], of: impl Fn(Group) -> bool) -> Vec<&'a TrialResult> {
    results.iter().copied().filter(|result| group_of(&result.trial).is_some_and(&of)).collect()
}

/// The goals, with what was counted.
pub(crate) fn goals(results: &[&TrialResult]) -> Vec<Goal> {
    let sound = verdicts(results, |group| group != Group::NoBreaker);
    let quiet = verdicts(results, |group| matches!(group, Group::Quiet | Group::CatalogueQuiet));
    let bad = verdicts(results, |group| group == Group::NoBreaker);
    let count = |of: &[&TrialResult], exit: i32| of.iter().filter(|result| result.exit == exit).count();
    let goal =
        |what, of: &[&TrialResult], exit, limit| Goal { what, count: count(of, exit), of: of.len(), limit };
    vec![
        goal("failed verdicts of a sound client", &sound, 1, Limit::AtMost(0, 1)),
        goal("inconclusive verdicts on a quiet machine", &quiet, 3, Limit::AtMost(1, 40)),
        goal("failed verdicts of a client without a breaker", &bad, 1, Limit::AtLeast(8, 10)),
    ]
}

/// A section of docs/soak.md.
pub(crate) fn markdown(results: &[&TrialResult]) -> String {
    let mut groups: BTreeMap<Group, [usize; 4]> = BTreeMap::new();
    for result in results {
        let Some(group) = group_of(&result.trial) else { continue };
        let column = match result.exit {
            0 => 0,
            1 => 1,
            3 => 2,
            _ => 3,
        };
        groups.entry(group).or_default()[column] += 1;
    }
    let mut page = String::from(
        "## Verdicts on a busy machine\n\n| beside the lab | success | failed | inconclusive | no verdict |\n|---|---|---|---|---|\n",
    );
    for (group, [success, failed, inconclusive, other]) in groups {
        let _ = writeln!(page, "| {} | {success} | {failed} | {inconclusive} | {other} |", group.name());
    }
    page.push('\n');
    for goal in goals(results) {
        let (word, part, whole) = match goal.limit {
            Limit::AtMost(part, whole) => ("at most", part, whole),
            Limit::AtLeast(part, whole) => ("at least", part, whole),
        };
        let met = if goal.is_met() { "met" } else { "missed" };
        let _ = writeln!(
            page,
            "- {}: {} of {} (goal: {word} {part} in {whole}): {met}",
            goal.what, goal.count, goal.of
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Trial;

    fn result(group: &str, round: u32, exit: i32) -> TrialResult {
        let trial = Trial { group: group.to_owned(), round, scenario: "x".to_owned() };
        TrialResult {
            trial,
            exit,
            load: String::new(),
            problems: Vec::new(),
            machine: serde_json::Value::Null,
        }
    }

    #[test]
    fn each_goal_counts_its_own_groups() {
        let mut all: Vec<TrialResult> =
            (0..40).map(|round| result("quiet", round, i32::from(round == 7) * 3)).collect();
        all.extend((0..10).map(|round| result("no-breaker", round, i32::from(round > 1))));
        let met = |all: &[TrialResult]| {
            let results: Vec<&TrialResult> = all.iter().collect();
            goals(&results).iter().map(Goal::is_met).collect::<Vec<_>>()
        };
        assert_eq!(met(&all), [true, true, true]);
        all.push(result("loops16", 1, 1));
        all.push(result("no-breaker", 11, 3));
        all[8].exit = 3;
        assert_eq!(met(&all), [false, false, false]);
        let results: Vec<&TrialResult> = all.iter().collect();
        let page = markdown(&results);
        assert!(page.contains("| quiet | 38 | 0 | 2 | 0 |\n") && page.contains("1 of 41"), "{page}");
    }
}
