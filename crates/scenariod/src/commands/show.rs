//! `scenariod show NAME`: the strength of each fault over time, drawn in text, and every request to Toxiproxy. Offline. Prose
//! is broken into lines; requests and queries stay whole, so that they can be copied.

use std::fmt::Write;
use std::time::Duration;

use daemon_core::exit::Failure;

use super::check::CheckError;
use super::context::{load_lab, load_library};
use crate::catalogue::playlist::{Playlist, PlaylistEntry};
use crate::catalogue::selection::{self, Selection};
use crate::cli::args::ShowArgs;
use crate::fault::toxic::{Toxic, ToxicKind};
use crate::lease::leased_toxic::LeasedToxic;
use crate::lease::{Lease, RunId};
use crate::plan::TimeScale;
use crate::plan::reconcile::{Change, changes};
use crate::plan::{Plan, PlannedFault};
use crate::scenario::Scenario;
use crate::scenario::target;
use crate::settings::Settings;
use crate::text::format_duration;
use crate::text::wrap::wrapped;
use crate::toxiproxy::{ApiPath, Power, power_body, toxic_body};

/// Columns of the drawing.
const WIDTH: u32 = 60;
const NEGATIVE: &str = "a negative latency: Toxiproxy delays each chunk of bytes by a random time within latency ± jitter. \
    A chunk with a time below 0 passes at once, and the toxics after it delay it by that much less. So some chunks \
    arrive late, as after a lost packet, and the others on time";
/// After so many changes, a flap only repeats itself.
const MOST_CHANGES: usize = 12;

/// What `show` prints.
pub(crate) fn show(args: &ShowArgs) -> Result<String, Failure> {
    let words = || selection::split_words([args.name.as_str()]);
    let mut library = load_library(&args.catalogue)?;
    library.open_playlists(words())?;
    let names = Settings::new(&load_lab(&args.lab)?, None, None)?.names();
    let mut text = Vec::new();
    for selected in selection::select(&library, words())? {
        match selected {
            Selection::Playlist(list) => text.push(playlist(list)),
            Selection::Scenarios(scenarios) => {
                for scenario in scenarios {
                    target::check_targets(scenario, &names).or(()).map_err(CheckError::Problems)?;
                    let plan = Plan::new(scenario, &names, TimeScale::default(), 0);
                    text.push(scenario_text(scenario, &plan));
                }
            }
        }
    }
    Ok(text.join("\n"))
}

/// A scenario with its plan.
pub(crate) fn scenario_text(scenario: &Scenario, plan: &Plan) -> String {
    let mut text =
        format!("{} (family {})\n{}\n", scenario.name, scenario.family, wrapped(&scenario.about, ""));
    if !scenario.aliases.is_empty() {
        let _ = writeln!(text, "{}", wrapped(&format!("also called {}", scenario.aliases.join(", ")), ""));
    }
    let _ = writeln!(text, "\n{}\n", wrapped(&plan.describe(), ""));
    draw(&mut text, plan);
    text.push('\n');
    requests(&mut text, plan);
    expectations(&mut text, scenario);
    text
}

/// The runs of a playlist in order.
fn playlist(list: &Playlist) -> String {
    let runs = list.entries.len();
    let mut text = format!(
        "{} (playlist, {} in all)\n{}\n\n",
        list.name,
        format_duration(list.length()),
        wrapped(&list.about, "")
    );
    let width = list.entries.iter().map(|entry| entry.scenario.name.len()).max().unwrap_or_default();
    let phases = |entry: &PlaylistEntry| {
        let phases = &entry.scenario.phases;
        let phases = [phases.stabilization, phases.testing, phases.recovery];
        phases.map(|phase| format_duration(entry.scale.of(phase))).join(" + ")
    };
    let phases: Vec<String> = list.entries.iter().map(phases).collect();
    let phases_width = phases.iter().map(String::len).max().unwrap_or_default();
    for (index, (entry, phases)) in list.entries.iter().zip(&phases).enumerate() {
        let count = format!("{}/{runs}", index + 1);
        let _ = write!(text, "{count:>7}  {:width$}  {phases:phases_width$}", entry.scenario.name);
        let mut faults: Vec<String> = entry.scenario.faults.iter().map(|one| one.fault.describe()).collect();
        faults.dedup();
        let _ = write!(text, "  {}", faults.join(", "));
        if let Some(seed) = entry.seed {
            let _ = write!(text, ", seed {seed}");
        }
        if !entry.pause.is_zero() && index + 1 < runs {
            let _ = write!(text, ", then a pause of {}", format_duration(entry.pause));
        }
        text.push('\n');
    }
    text
}

/// The queries that a verdict is made of.
fn expectations(text: &mut String, scenario: &Scenario) {
    text.push_str("\nexpectations\n");
    if scenario.expect.is_empty() {
        text.push_str("  none: its runs are not judged\n");
    }
    for expectation in &scenario.expect {
        let (name, phase) = (&expectation.name, expectation.during.as_str());
        let _ = writeln!(text, "  {name}: {phase}, {}", expectation.must.describe());
        let _ = writeln!(text, "    {}", expectation.query.template());
    }
    for rule in &scenario.stop_when {
        let _ = writeln!(text, "  stopped early when {} for {}", rule.name, format_duration(rule.lasting));
        let _ = writeln!(text, "    {}", rule.query.template());
    }
}

/// One line per node and fault: `.` is off, `1` to `9` are tenths of its strength, `#` is its full strength.
fn draw(text: &mut String, plan: &Plan) {
    let phases = &plan.phases;
    let begin = phases.stabilization;
    let end = begin.saturating_add(phases.testing);
    let column = end.saturating_add(phases.recovery) / WIDTH;
    let width = plan.faults.iter().map(|assigned| assigned.server.len()).max().unwrap_or_default();
    for assigned in &plan.faults {
        let at = |n: u32| {
            // Ten moments per column, so that a short fault is not lost.
            let from = column.saturating_mul(n);
            let moments = (0..10).map(|tenth| from.saturating_add(column.mul_f64(0.1 * f64::from(tenth))));
            let inside = moments.filter(|moment| (begin..end).contains(moment));
            let levels = inside.map(|moment| strength(assigned, moment - begin, phases.testing));
            match levels.max().unwrap_or_default() {
                0 => '.',
                10 => '#',
                tenths => char::from_digit(tenths, 10).unwrap_or('#'),
            }
        };
        let line: String = (0..WIDTH).map(at).collect();
        let fault = assigned.course.fault.label();
        let _ = writeln!(text, "{:width$}  {line}  {fault}", assigned.server);
    }
    let mark = |at: Duration| {
        let share = at.as_secs_f64() / (column.as_secs_f64() * f64::from(WIDTH)).max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few columns"
        )]
        let column = (share * f64::from(WIDTH)).round() as usize;
        column
    };
    let mut ruler = vec![' '; WIDTH as usize];
    for at in [0, mark(begin), mark(end)] {
        if let Some(place) = ruler.get_mut(at) {
            *place = '|';
        }
    }
    let ruler: String = ruler.into_iter().collect();
    let _ = writeln!(text, "{:width$}  {ruler}|", "");
    let _ = writeln!(
        text,
        "{:width$}  stabilization {}, testing {}, recovery {}",
        "",
        format_duration(phases.stabilization),
        format_duration(phases.testing),
        format_duration(phases.recovery)
    );
}

/// In tenths, at least 1 while the fault is on.
fn strength(assigned: &PlannedFault, elapsed: Duration, testing: Duration) -> u32 {
    assigned.course.level(elapsed, testing).map_or(0, |level| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a level is at most 1")]
        let tenths = (level.get() * 10.0).floor() as u32;
        tenths.max(1)
    })
}

fn requests(text: &mut String, plan: &Plan) {
    let mut on: Vec<LeasedToxic> = Vec::new();
    let mut named = 0;
    let mut moment = Some(Duration::ZERO);
    let mut shown = 0;
    let mut negative = false;
    while let Some(elapsed) = moment {
        if shown == MOST_CHANGES {
            text.push_str("and so on\n");
            break;
        }
        let wanted = plan.desired_toxics(elapsed);
        negative |= wanted.iter().flat_map(|wanted| &wanted.toxics).any(is_negative);
        let due = changes(&on, &wanted);
        if !due.is_empty() {
            let _ = writeln!(text, "{} into testing", format_duration(elapsed));
            shown += 1;
        }
        for change in due {
            match change {
                Change::Remove(step) => {
                    remove(text, &step);
                    on.retain(|other| other.lease != step.lease);
                }
                Change::Update(step) => {
                    let (name, server) = (name(&step), &step.server);
                    let body = toxic_body(&name, &step.toxic);
                    let _ = writeln!(text, "  POST {} {body}", ApiPath::Toxic(server, &name));
                    if let Some(old) = on.iter_mut().find(|other| other.lease == step.lease) {
                        *old = step;
                    }
                }
                Change::Add { fault, server, toxic } => {
                    let step = LeasedToxic { server, lease: lease(named), toxic, fault };
                    named += 1;
                    add(text, &step);
                    on.push(step);
                }
            }
        }
        moment = plan.next_change(elapsed);
    }
    let _ = writeln!(text, "at the end of testing");
    // After the last change shown. Later changes of a flap differ only in names.
    on.iter().rev().for_each(|step| remove(text, step));
    if on.is_empty() {
        text.push_str("  nothing is left to remove\n");
    }
    if negative {
        let _ = writeln!(text, "\n{}", wrapped(NEGATIVE, ""));
    }
}

fn add(text: &mut String, step: &LeasedToxic) {
    let (name, server) = (name(step), &step.server);
    let _ = writeln!(text, "  POST {} {}", ApiPath::Toxics(server), toxic_body(&name, &step.toxic));
    if is_marker(&step.toxic) {
        let _ = writeln!(text, "  POST {} {}", ApiPath::Proxy(server), power_body(Power::Disabled));
    }
}

fn remove(text: &mut String, step: &LeasedToxic) {
    let (name, server) = (name(step), &step.server);
    if is_marker(&step.toxic) {
        let _ = writeln!(text, "  POST {} {}", ApiPath::Proxy(server), power_body(Power::Enabled));
    }
    let _ = writeln!(text, "  DELETE {}", ApiPath::Toxic(server, &name));
}

fn is_negative(toxic: &Toxic) -> bool {
    matches!(toxic.kind, ToxicKind::Latency { latency, .. } if latency < 0)
}

fn is_marker(toxic: &Toxic) -> bool {
    toxic.kind == ToxicKind::Marker
}

fn lease(step: u32) -> Lease {
    Lease { run: RunId::new(0, 0), step, deadline: 0 }
}

/// As in a run, with words for the parts that only a run knows.
fn name(step: &LeasedToxic) -> String {
    format!("rl.RUN.{}.DEADLINE", step.lease.step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::library::Library;
    use crate::plan::TimeScale;
    use crate::text::wrap::COLUMNS;

    fn shown(name: &str) -> String {
        let catalogue = Library::load(None).unwrap().catalogue;
        let scenario = catalogue.scenarios().iter().find(|scenario| scenario.name == name).unwrap();
        let servers: Vec<String> = (1..=3).map(|n| format!("memcached{n}")).collect();
        scenario_text(scenario, &Plan::new(scenario, &servers, TimeScale::default(), 0))
    }

    #[test]
    fn a_scenario_is_drawn_with_its_requests() {
        // The order of the two keys depends on the JSON library.
        let shown = shown("node-down").replace(r#"{"jitter":0,"latency":0}"#, r#"{"latency":0,"jitter":0}"#);
        let (drawn, expectations) = shown.split_once("\nexpectations\n").unwrap();
        let breaker =
            "  the breaker opens and stays so: testing, within 3s\n    memcache_circuit_breaker_state{";
        assert!(expectations.contains(breaker), "{expectations}");
        assert_eq!(
            drawn,
            "node-down (family partition)\n\
             one node refuses connections; the fastest of all failures, and the breaker must open\n\n\
             down on memcached1\n\n\
             memcached1  ............########################........................  down\n            \
             |           |                       |                       |\n            \
             stabilization 30s, testing 1m, recovery 1m\n\n\
             0s into testing\n  \
             POST /proxies/memcached1/toxics {\"name\":\"rl.RUN.0.DEADLINE\",\"type\":\"latency\",\"stream\":\"downstream\",\"toxicity\":0.0,\"attributes\":{\"latency\":0,\"jitter\":0}}\n  \
             POST /proxies/memcached1 {\"enabled\":false}\n\
             at the end of testing\n  \
             POST /proxies/memcached1 {\"enabled\":true}\n  \
             DELETE /proxies/memcached1/toxics/rl.RUN.0.DEADLINE\n"
        );
    }

    #[test]
    fn shapes_show_in_the_drawing() {
        let ramp = shown("latency-ramp");
        assert!(ramp.contains("............111122233444556677788###...."), "{ramp}");
        let rolling = shown("rolling-failure");
        assert!(rolling.contains("memcached2  ....................########........"), "{rolling}");
        let blip = shown("blip-100ms");
        assert!(blip.contains("100ms into testing\n  DELETE "), "{blip}");
        let loss = shown("packet-loss-10");
        assert_eq!(loss.matches("  POST ").count(), 12, "{loss}");
    }

    #[test]
    fn every_scenario_can_be_shown_and_ends_with_nothing_on() {
        for scenario in Library::load(None).unwrap().catalogue.scenarios() {
            let text = shown(&scenario.name);
            let (on, off) = (text.matches("/toxics {").count(), text.matches("  DELETE ").count());
            assert!(on > 0 && on >= off, "{text}");
            assert!(on == off || text.contains("and so on\n"), "{text}");
            let prose = text.lines().filter(|line| !line.starts_with("  "));
            prose.for_each(|line| assert!(line.chars().count() <= usize::from(COLUMNS), "{line}"));
            assert_eq!(text.contains("\"latency\":-"), text.contains("a negative latency: "), "{text}");
        }
    }
}
