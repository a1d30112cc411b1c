//! Turns the raw form of a playlist file into runs of existing scenarios. Reads no file.

use std::time::Duration;

use daemon_core::problems::{Problem, Problems, figure};
use daemon_core::values::{Positive, Span};
use daemon_core::yaml::Document;

use super::raw;
use super::{Playlist, PlaylistEntry};
use crate::catalogue::Catalogue;
use crate::catalogue::checked::values::check_name;
use crate::catalogue::suggest::{find_scenarios, nearest_name};
use crate::fault::written_fraction;
use crate::plan::TimeScale;
use crate::scenario::{Scenario, SourceLine};

/// For more repeats there is `--loop`.
const MOST_REPEATS: u32 = 1_000;

/// The playlist with every run of every entry, or all problems of its file.
pub(super) fn playlist(
    raw: &raw::Playlist,
    document: &Document,
    catalogue: &Catalogue,
) -> Result<Playlist, Problems> {
    let mut problems = Problems::default();
    let mut report = |key: &str, message: String| problems.0.push(document.problem(key, message));
    if let Err(reason) = check_name("playlist", &raw.playlist) {
        report("playlist", reason);
    }
    if raw.about.trim().is_empty() || raw.about.contains('\n') {
        report("about", "`about` must be one line of text".to_owned());
    }
    if raw.entries.is_empty() {
        report("entries", "a playlist needs at least one entry".to_owned());
    }
    let scale = scale(raw.time_scale).unwrap_or_else(|reason| {
        report("time_scale", reason);
        TimeScale::default()
    });
    let defaults = Defaults { scale, pause: raw.pause.unwrap_or_default(), phases: &raw.phases };
    let mut entries = Vec::new();
    for (index, raw) in raw.entries.iter().enumerate() {
        let at = format!("entries/{index}");
        let problem_at = |key: &str, message: String| document.problem(&format!("{at}/{key}"), message);
        match runs(raw, &defaults, catalogue, &problem_at) {
            Ok(runs) => entries.extend(runs),
            Err(problem) => problems.0.push(problem),
        }
    }
    let Problem { file, line, .. } = document.problem("playlist", "");
    let source = SourceLine { file, line };
    problems.or(Playlist { name: raw.playlist.clone(), about: raw.about.clone(), entries, source })
}

/// The values of the playlist, for entries without their own.
struct Defaults<'a> {
    scale: TimeScale,
    pause: Span,
    phases: &'a raw::Phases,
}

/// The runs of one entry. `problem_at` makes a problem of a key and a message.
fn runs(
    raw: &raw::Entry,
    defaults: &Defaults<'_>,
    catalogue: &Catalogue,
    problem_at: &impl Fn(&str, String) -> Problem,
) -> Result<Vec<PlaylistEntry>, Problem> {
    let nothing = raw::Phases::default();
    let (word, full) = match raw {
        raw::Entry::Name(word) => (word, None),
        raw::Entry::Full(full) => (&full.scenario, Some(full)),
    };
    let meant = find_scenarios(catalogue, word);
    if meant.is_empty() {
        let near = nearest_name(catalogue, [], word)
            .map(|near| format!(", did you mean `{near}`?"))
            .unwrap_or_default();
        let own = "scenarios of your own: --catalogue DIR";
        return Err(problem_at("scenario", format!("unknown scenario or family `{word}`{near} ({own})")));
    }
    let repeat = full.and_then(|full| full.repeat).map_or(1, std::num::NonZeroU32::get);
    if repeat > MOST_REPEATS {
        return Err(problem_at("repeat", format!("`repeat` is {repeat}, must be at most {MOST_REPEATS}")));
    }
    let own =
        scale(full.and_then(|full| full.time_scale)).map_err(|reason| problem_at("time_scale", reason))?;
    let scale = if full.is_some_and(|full| full.time_scale.is_some()) { own } else { defaults.scale };
    let pause = full.and_then(|full| full.pause).unwrap_or(defaults.pause).get();
    let mut once = Vec::new();
    for scenario in meant {
        let mut scenario = scenario.clone();
        let phases = full.map_or(&nothing, |full| &full.phases);
        set_phases(&mut scenario, defaults.phases, phases);
        if let Some(rate) = full.and_then(|full| full.rate) {
            set_rate(&mut scenario, rate).map_err(|reason| problem_at("rate", reason))?;
        }
        once.push(PlaylistEntry { scenario, scale, seed: full.and_then(|full| full.seed), pause });
    }
    Ok((0..repeat).flat_map(|_| once.clone()).collect())
}

fn scale(factor: Option<f64>) -> Result<TimeScale, String> {
    let Some(factor) = factor else { return Ok(TimeScale::default()) };
    TimeScale::new(factor)
        .ok_or_else(|| format!("`time_scale` is {}, must be {}", figure(factor), TimeScale::BOUNDS))
}

fn set_phases(scenario: &mut Scenario, whole: &raw::Phases, own: &raw::Phases) {
    let set = |phase: &mut Duration, own: Option<Positive>, whole: Option<Positive>| {
        *phase = own.or(whole).map_or(*phase, Positive::get);
    };
    let phases = &mut scenario.phases;
    set(&mut phases.stabilization, own.stabilization, whole.stabilization);
    set(&mut phases.testing, own.testing, whole.testing);
    set(&mut phases.recovery, own.recovery, whole.recovery);
}

/// Sets the loss rate of each fault that has one. A scenario without such a fault is a mistake.
fn set_rate(scenario: &mut Scenario, rate: f64) -> Result<(), String> {
    let rate = written_fraction("rate", rate)?;
    let mut rated = false;
    for entry in &mut scenario.faults {
        if let Some(fault) = entry.fault.with_rate(rate) {
            entry.fault = fault;
            rated = true;
        }
    }
    if rated { Ok(()) } else { Err(format!("{} has no fault with a loss rate", scenario.name)) }
}
