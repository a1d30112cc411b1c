//! Turns the raw form of a scenario file into checked scenarios. Reads no file and knows no lab.

use daemon_core::problems::{Problem, Problems};
use daemon_core::values::Fraction;
use daemon_core::yaml::Document;

use super::raw;
use crate::fault::ConnectionEffect;
use crate::scenario::Phases;
use crate::scenario::{FaultEntry, Scenario, SourceLine, Target};

mod expectations;
mod shapes;
pub(crate) mod values;

use values::{EVERYTHING, check_name};

/// The scenarios of a family, or all problems of its file.
pub(super) fn scenarios(family: &raw::Family, document: &Document) -> Result<Vec<Scenario>, Problems> {
    let mut problems = Problems::default();
    if let Err(reason) = check_name("family", &family.family) {
        problems.extend(document.problem("family", reason).into());
    }
    if family.scenarios.is_empty() {
        problems.extend(document.problem("scenarios", "a family needs at least one scenario").into());
    }
    let shared = match expectations::expectations(&family.expect, document, "") {
        Ok(shared) => shared,
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    };
    let mut scenarios = Vec::new();
    for (index, raw) in family.scenarios.iter().enumerate() {
        let at = format!("scenarios/{index}");
        match scenario(raw, family, document, &at) {
            Ok(mut scenario) => {
                let own = std::mem::take(&mut scenario.expect);
                scenario.expect = expectations::joined(&shared, own);
                scenarios.push(scenario);
            }
            Err(found) => problems.extend(found),
        }
    }
    problems.or(scenarios)
}

fn scenario(
    raw: &raw::Scenario,
    family: &raw::Family,
    document: &Document,
    at: &str,
) -> Result<Scenario, Problems> {
    let mut problems = Problems::default();
    if let Err(reason) = check_name("scenario", &raw.name) {
        problems.extend(document.problem(&format!("{at}/name"), reason).into());
    } else if raw.name == family.family {
        let message = format!("scenario `{}` has the same name as its family", raw.name);
        problems.extend(document.problem(&format!("{at}/name"), message).into());
    }
    for (index, alias) in raw.aliases.iter().enumerate() {
        if let Err(reason) = check_name("alias", alias) {
            problems.extend(document.problem(&format!("{at}/aliases/{index}"), reason).into());
        }
    }
    if raw.about.trim().is_empty() || raw.about.contains('\n') {
        problems.extend(document.problem(&format!("{at}/about"), "`about` must be one line of text").into());
    }
    if raw.faults.is_empty() {
        problems
            .extend(document.problem(&format!("{at}/faults"), "a scenario needs at least one fault").into());
    }
    let mut faults = Vec::new();
    for (index, raw) in raw.faults.iter().enumerate() {
        match fault_entry(raw, document, &format!("{at}/faults/{index}")) {
            Ok(entry) => faults.push(entry),
            Err(problem) => problems.extend(problem.into()),
        }
    }
    let mut gather = |found: Problems| problems.extend(found);
    let expect = expectations::expectations(&raw.expect, document, at).map_err(&mut gather);
    let stop_when = expectations::stop_rules(&raw.stop_when, document, at).map_err(&mut gather);
    let phases = Phases {
        stabilization: raw.phases.stabilization.unwrap_or(family.phases.stabilization).get(),
        testing: raw.phases.testing.unwrap_or(family.phases.testing).get(),
        recovery: raw.phases.recovery.unwrap_or(family.phases.recovery).get(),
    };
    let Problem { file, line, .. } = document.problem(&format!("{at}/name"), "");
    problems.or(Scenario {
        source: SourceLine { file, line },
        name: raw.name.clone(),
        aliases: raw.aliases.clone(),
        family: family.family.clone(),
        about: raw.about.clone(),
        phases,
        faults,
        expect: expect.unwrap_or_default(),
        stop_when: stop_when.unwrap_or_default(),
    })
}

fn fault_entry(raw: &raw::FaultEntry, document: &Document, at: &str) -> Result<FaultEntry, Problem> {
    let problem_at = |key: &str, message: &str| document.problem(&format!("{at}/{key}"), message);
    let target = match &raw.target {
        raw::Target::One(word) if word == EVERYTHING => Target::All,
        raw::Target::One(name) => Target::Named(vec![name.clone()]),
        raw::Target::Many(names) => {
            let twice = |(n, name): (usize, &String)| names.iter().take(n).any(|before| before == name);
            if names.is_empty() {
                return Err(problem_at("target", "`target` is an empty list"));
            }
            if let Some((_, name)) = names.iter().enumerate().find(|&entry| twice(entry)) {
                return Err(problem_at("target", &format!("`target` names {name} twice")));
            }
            Target::Named(names.clone())
        }
        raw::Target::Some(raw::Choice { first: Some(count), nth: None, count: None }) => {
            Target::First(*count)
        }
        raw::Target::Some(raw::Choice { first: None, nth: Some(position), count: None }) => {
            Target::Nth(*position)
        }
        raw::Target::Some(raw::Choice { first: None, nth: None, count: Some(count) }) => {
            Target::Count(*count)
        }
        raw::Target::Some(_) => {
            return Err(problem_at("target", "`target` must have one of `first`, `nth` and `count`"));
        }
    };
    let fault = raw.fault;
    fault.check().map_err(|error| problem_at(error.key, &error.message))?;
    let shape = shapes::shape(raw.shape.as_ref(), &fault, &problem_at)?;
    let share = raw.share.unwrap_or(Fraction::ONE);
    if fault.effect_on_connections() == ConnectionEffect::Refused && share != Fraction::ONE {
        let message = format!(
            "`share` cannot be combined with `{}`, which closes all connections of a proxy",
            fault.label()
        );
        return Err(problem_at("share", &message));
    }
    let Problem { file, line, .. } = problem_at("target", "");
    let source = SourceLine { file, line };
    Ok(FaultEntry { target, fault, shape, direction: raw.direction, share, source })
}
