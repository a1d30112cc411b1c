//! The regions of the annotations, to the millisecond: for a given history with phases as long as in the catalogue, over each
//! width of the time range, for several positions of its edge between two steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dashboard_check::{Dashboard, Report, Window};
use testkit::Prometheus;

use crate::{DASHBOARDS, now};

const HOUR: f64 = 3_600.0;
/// Grafana's steps for these are 1 s, 2 s, 15 s and 1 min.
const WIDTHS: [f64; 4] = [0.25 * HOUR, HOUR, 6.0 * HOUR, 24.0 * HOUR];
const PHASES: [&str; 3] = ["stabilization", "testing", "recovery"];
/// One scrape per second, at this part of the second.
const SCRAPED_AT: f64 = 0.37;
/// scenariod stays for two more scrapes.
const LINGER: f64 = 2.0;

/// Start and end in ms, by phase and run.
pub(crate) type Phases = BTreeMap<(String, String), (i64, i64)>;

/// The regions of the annotations. Each must be one region of the phase with its name.
pub(crate) fn drawn_phases(report: &Report) -> Result<Phases, String> {
    let mut all = Phases::new();
    for (annotation, events) in &report.events {
        for event in events {
            let label =
                |name: &str| event.labels.get(name).cloned().ok_or(format!("{annotation} without {name}"));
            let (phase, run) = (label("phase")?, label("run")?);
            if phase != annotation.to_lowercase() {
                return Err(format!("{annotation} draws {phase}"));
            }
            if all.insert((phase, run.clone()), (event.start_ms, event.end_ms)).is_some() {
                return Err(format!("{annotation} of run {run} is drawn as several regions"));
            }
        }
    }
    Ok(all)
}

/// A process that executed these runs with phases of these lengths, and its samples. It ends after its linger, or without it
/// when it is killed this many seconds into a testing phase, which then has no end.
struct ProcessHistory {
    name: &'static str,
    start: f64,
    runs: Vec<[f64; 3]>,
    killed_in_testing: Option<f64>,
}

impl ProcessHistory {
    /// Phase, run, start, end.
    fn phases(&self) -> Vec<(&'static str, String, f64, Option<f64>)> {
        let (mut at, mut all) = (self.start, Vec::new());
        for (index, lengths) in self.runs.iter().enumerate() {
            for (phase, length) in PHASES.into_iter().zip(lengths) {
                all.push((phase, format!("{}{index}", self.name), at, Some(at + length)));
                at += length;
            }
        }
        if self.killed_in_testing.is_some() {
            all.truncate(all.len() - 1);
            if let Some(last) = all.last_mut() {
                last.3 = None;
            }
        }
        all
    }

    fn scrapes(&self) -> impl Iterator<Item = f64> {
        let (_, _, start, end) = self.phases().pop().unwrap();
        let last = end.map_or_else(|| start + self.killed_in_testing.unwrap(), |end| end + LINGER);
        let first = self.start.floor() as i64;
        (first..)
            .map(|second| second as f64 + SCRAPED_AT)
            .skip_while(|at| *at < self.start)
            .take_while(move |at| *at < last)
    }
}

/// The samples of these processes, in OpenMetrics text.
fn samples(processes: &[ProcessHistory]) -> String {
    let mut text = "# TYPE scenario_phase gauge\n".to_owned();
    for at in processes.iter().flat_map(ProcessHistory::scrapes) {
        let _ = writeln!(text, "scenario_phase{{scenario=\"s\"}} 1 {at:.3}");
    }
    for edge in ["start", "end"] {
        let name = format!("scenario_phase_{edge}_timestamp_seconds");
        let _ = writeln!(text, "# TYPE {name} gauge");
        for process in processes {
            for (phase, run, start, end) in process.phases() {
                let Some(is) = (if edge == "start" { Some(start) } else { end }) else { continue };
                for at in process.scrapes().filter(|at| *at >= is) {
                    let _ = writeln!(
                        text,
                        "{name}{{scenario=\"s\",phase=\"{phase}\",run=\"{run}\"}} {is:.3} {at:.3}"
                    );
                }
            }
        }
    }
    text + "# EOF\n"
}

fn ms(at: f64) -> i64 {
    (at * 1_000.0).round() as i64
}

/// A history, and the regions that it must give.
struct History {
    prometheus: Prometheus,
    start: f64,
    ended: Phases,
    /// A phase without an end: its phase and run, its start in ms, and the time of its last scrape in seconds.
    killed: ((String, String), i64, f64),
}

impl History {
    fn write() -> Self {
        let start = now().floor() - 1_200.0;
        let process = |name, after, runs: &[[f64; 3]], killed_in_testing| ProcessHistory {
            name,
            start: start + after,
            runs: runs.to_vec(),
            killed_in_testing,
        };
        let processes = [
            // Twice as in the catalogue; shorter than each step but the smallest; shorter than a scrape.
            process("usual", 0.123, &[[30.0, 60.0, 60.0]; 2], None),
            process("short", 400.456, &[[2.0, 5.0, 6.0], [0.1, 0.1, 0.1], [3.1, 0.1, 2.0]], None),
            process("killed", 500.789, &[[30.0, 60.0, 60.0]], Some(42.0)),
        ];
        let phases = processes.iter().flat_map(ProcessHistory::phases);
        let ended = phases
            .filter_map(|(phase, run, start, end)| Some(((phase.to_owned(), run), (ms(start), ms(end?)))));
        let last_seen = processes[2].scrapes().last().unwrap();
        Self {
            prometheus: Prometheus::with_samples(&samples(&processes)),
            start,
            ended: ended.collect(),
            killed: (("testing".to_owned(), "killed0".to_owned()), ms(start + 530.789), last_seen),
        }
    }

    /// The first problem of a dashboard's regions over this width.
    fn check(&self, dashboard: &Dashboard, width: f64) -> Result<(), String> {
        let step = width / 900.0;
        for edge in 0..5 {
            // A point comes after the last event, and the edge is at several positions between two steps.
            let window = Window::before(self.start + 700.0 + 3.0 * step * f64::from(edge), width);
            let mut drawn = drawn_phases(&dashboard.evaluate_annotations(&self.prometheus, window))?;
            let (killed, phase_start, last_seen) = &self.killed;
            let (start, end) = drawn.remove(killed).ok_or("a phase without an end is not drawn")?;
            if start != *phase_start || !(ms(last_seen - step)..=ms(*last_seen)).contains(&end) {
                return Err(format!(
                    "{start}..{end} instead of {phase_start} to the last scrape at {last_seen}"
                ));
            }
            let other = drawn.iter().find(|(key, region)| self.ended.get(key) != Some(region));
            if let Some((key, region)) = other {
                return Err(format!("{key:?}: {region:?} instead of {:?}", self.ended.get(key)));
            }
            if drawn.len() != self.ended.len() {
                return Err(format!("{} of {} phases are drawn", drawn.len(), self.ended.len()));
            }
        }
        Ok(())
    }
}

#[test]
fn a_region_is_exactly_its_phase_over_every_range() {
    let history = History::write();
    for (file, width) in DASHBOARDS.into_iter().flat_map(|file| WIDTHS.map(|width| (file, width))) {
        let found = history.check(&Dashboard::load(file), width);
        assert_eq!(found, Ok(()), "{file} over {width} s");
    }

    // Each fault has an effect over at most six hours.
    let faults: [&[(&str, &str)]; 10] = [
        &[(r#""expr":"1000 * "#, r#""expr":"1 * "#)],
        &[("phase_end_", "phase_x_"), ("phase_start_", "phase_end_"), ("phase_x_", "phase_start_")],
        &[("phase_end_", "phase_start_")],
        &[(r#"phase=\"testing\""#, r#"phase=\"recovery\""#)],
        &[("offset $__rate_interval", "offset 0s")],
        &[("time() - $__rate_interval_ms / 1000", "time()")],
        &[("$__rate_interval_ms", "$__interval_ms")],
        &[("[$__rate_interval]", "[$__interval]")],
        &[(r#""useValueForTime":true"#, r#""useValueForTime":false"#)],
        &[("scenario=~", "scenario!~")],
    ];
    for (file, fault) in DASHBOARDS.into_iter().flat_map(|file| faults.map(|fault| (file, fault))) {
        let bad = fault.iter().fold(Dashboard::load(file), |bad, (text, other)| bad.with(text, other));
        let found = WIDTHS[..3].iter().find_map(|width| history.check(&bad, *width).err());
        assert!(found.is_some(), "{file} with {fault:?}");
    }
}
