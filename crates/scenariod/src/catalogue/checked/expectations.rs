//! Turns the raw form of expectations and stop rules into checked ones. Reads no file.

use daemon_core::problems::{Problem, Problems};
use daemon_core::yaml::Document;

use super::raw::expect as raw;
use crate::promql::{Query, ValueKind};
use crate::scenario::During;
use crate::scenario::expectation::{Bounds, Expectation, Must, StopRule, Subject};

/// `at` is the path of the scenario; it is empty for the expectations of a family.
pub(super) fn expectations(
    raw: &[raw::Expectation],
    document: &Document,
    at: &str,
) -> Result<Vec<Expectation>, Problems> {
    let mut problems = Problems::default();
    let mut expectations: Vec<Expectation> = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let problem_at =
            |key: &str, message: &str| document.problem(&format!("{at}/expect/{index}/{key}"), message);
        if expectations.iter().any(|earlier| earlier.name == raw.name) {
            problems.extend(problem_at("name", &format!("duplicate expectation `{}`", raw.name)).into());
        }
        match expectation(raw, &problem_at) {
            Ok(expectation) => expectations.push(expectation),
            Err(problem) => problems.extend(problem.into()),
        }
    }
    problems.or(expectations)
}

/// The scenario's own expectations, then those of its family that it does not replace.
pub(super) fn joined(family: &[Expectation], own: Vec<Expectation>) -> Vec<Expectation> {
    let more = family.iter().filter(|shared| own.iter().all(|own| own.name != shared.name));
    let more: Vec<Expectation> = more.cloned().collect();
    own.into_iter().chain(more).collect()
}

/// `at` is the path of the scenario.
pub(super) fn stop_rules(
    raw: &[raw::StopRule],
    document: &Document,
    at: &str,
) -> Result<Vec<StopRule>, Problems> {
    let mut problems = Problems::default();
    let mut rules = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        let problem_at =
            |key: &str, message: &str| document.problem(&format!("{at}/stop_when/{index}/{key}"), message);
        let rule = name(&raw.name, &problem_at).and_then(|name| {
            let query = query(&raw.promql, ValueKind::Truth, &problem_at)?;
            Ok(StopRule { name, query, lasting: raw.lasting.get() })
        });
        match rule {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.extend(problem.into()),
        }
    }
    problems.or(rules)
}

fn expectation(
    raw: &raw::Expectation,
    problem_at: &impl Fn(&str, &str) -> Problem,
) -> Result<Expectation, Problem> {
    let must = must(&raw.must, problem_at)?;
    let kind = if matches!(must, Must::Compare(_)) { ValueKind::Number } else { ValueKind::Truth };
    let during = match raw.phase {
        raw::Phase::Stabilization => During::Stabilization,
        raw::Phase::Testing => During::Testing,
        raw::Phase::Recovery => During::Recovery,
        raw::Phase::Run => During::Run,
    };
    if matches!(must, Must::Compare(_)) && matches!(during, During::Stabilization | During::Run) {
        return Err(problem_at(
            "phase",
            "`compare` compares testing or recovery with stabilization: `phase` must be one of these two",
        ));
    }
    let subject = match raw.judges {
        raw::Judges::Client => Subject::Client,
        raw::Judges::Fault => Subject::Fault,
        raw::Judges::Baseline => Subject::Baseline,
    };
    if subject == Subject::Baseline && during != During::Stabilization {
        return Err(problem_at(
            "phase",
            "a baseline is measured before the fault: `phase` must be `stabilization`",
        ));
    }
    let query = query(&raw.promql, kind, problem_at)?;
    Ok(Expectation { name: name(&raw.name, problem_at)?, subject, during, must, query })
}

fn must(raw: &raw::Must, problem_at: &impl Fn(&str, &str) -> Problem) -> Result<Must, Problem> {
    match raw {
        raw::Must::Word(raw::Word::Always) => Ok(Must::Always),
        raw::Must::Word(raw::Word::Never) => Ok(Must::Never),
        raw::Must::Word(raw::Word::Sometime) => Ok(Must::Sometime),
        raw::Must::Word(raw::Word::AtEnd) => Ok(Must::AtEnd),
        raw::Must::Rule(raw::Rule { within: Some(limit), compare: None }) => Ok(Must::Within(limit.get())),
        raw::Must::Rule(raw::Rule { within: None, compare: Some(raw::Compare { at_least, at_most }) }) => {
            let bounds = || at_least.iter().chain(at_most);
            if bounds().next().is_none() || bounds().any(|bound| !bound.is_finite() || *bound < 0.0) {
                let message = "`compare` needs `at_least`, `at_most` or both, as factors from 0";
                return Err(problem_at("must/compare", message));
            }
            if let (Some(least), Some(most)) = (at_least, at_most)
                && least > most
            {
                return Err(problem_at("must/compare", "`at_least` is above `at_most`"));
            }
            Ok(Must::Compare(Bounds { at_least: *at_least, at_most: *at_most }))
        }
        raw::Must::Rule(_) => Err(problem_at("must", "`must` needs one of `within` and `compare`")),
    }
}

/// The name becomes a label value and a cell of a table.
fn name(name: &str, problem_at: &impl Fn(&str, &str) -> Problem) -> Result<String, Problem> {
    if name.trim().is_empty() || name.contains('\n') {
        return Err(problem_at("name", "`name` must be one line of text"));
    }
    Ok(name.to_owned())
}

fn query(text: &str, kind: ValueKind, problem_at: &impl Fn(&str, &str) -> Problem) -> Result<Query, Problem> {
    Query::new(text, kind).map_err(|error| problem_at("promql", &format!("`promql` {error}")))
}
