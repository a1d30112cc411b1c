//! The whole benchmark: all measurements and their order.

use std::fs;
use std::path::PathBuf;

use daemon_core::exit::{Exit, print};

use crate::cli::Options;
use crate::error::BenchError;
use crate::goals::{Comparison, Row, Verdict};
use crate::report::Report;
use crate::rounds::turns;
use crate::subject::{Bench, Case, Mix, Subject};
use crate::{host, memory, pace, programs, scrape, start};

const OPEN_FILES: u64 = memory::MANY as u64 + 100;

const CASES: [Case; 5] = [
    Case { connections: 32, mix: Mix::Get, threads: 1 },
    Case { connections: 32, mix: Mix::NinetyTen, threads: 1 },
    Case { connections: 100, mix: Mix::Get, threads: 1 },
    Case { connections: 100, mix: Mix::NinetyTen, threads: 1 },
    Case { connections: 64, mix: Mix::NinetyTen, threads: 2 },
];

/// Measures, prints the report, and writes it to the file of `--report`.
pub(crate) fn run(options: &Options) -> Result<Exit, BenchError> {
    let is_measured = |subject| options.subjects.contains(&subject);
    let loadgen = match programs::loadgen(options.loadgen.as_deref()) {
        Err(_) if !is_measured(Subject::Loadgen) => PathBuf::new(),
        found => found?,
    };
    let memaslap = if is_measured(Subject::Memaslap) { Some(programs::find("memcaslap")?) } else { None };
    let cpus = host::usable_cpus();
    let [server, client, ..] = cpus[..] else { return Err(BenchError::Cpus { count: cpus.len() }) };
    let bench = Bench::new(loadgen, memaslap, [server, client])?;
    host::raise_open_files(OPEN_FILES)?;

    let comparisons = compare(&bench, options)?;
    let mut rows: Vec<Row> = comparisons.iter().flat_map(Comparison::rows).collect();
    if is_measured(Subject::Loadgen) {
        eprintln!("memory, pace, scrape, start");
        rows.extend(memory::rows(&bench)?);
        rows.extend(pace::rows(&bench, options.rounds)?);
        rows.extend(scrape::rows(&bench, options.rounds)?);
        rows.extend(start::rows(&bench, options.rounds)?);
    }

    let missed = rows.iter().any(|row| matches!(row.verdict(), Verdict::Missed(_)));
    let mut machine = host::description();
    machine.push(format!("{} with one thread", host::version("memcached", "-V")));
    if is_measured(Subject::Memaslap) {
        machine.push(format!("{} of libmemcached-tools", host::version("memcaslap", "-V")));
    }
    let report = Report { machine, rows, comparisons, options }.to_string();
    let _ = print(&report); // a closed terminal must not keep the file from being written
    if let Some(path) = &options.report {
        let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
        parent
            .and_then(|()| fs::write(path, &report))
            .map_err(|source| BenchError::Write { path: path.clone(), source })?;
    }
    Ok(if missed { Exit::Failed } else { Exit::Ok })
}

/// Measures every subject of every case once per round, so that a disturbance of the machine affects all of them.
fn compare(bench: &Bench, options: &Options) -> Result<Vec<Comparison>, BenchError> {
    let mut comparisons: Vec<Comparison> = CASES
        .into_iter()
        .map(|case| {
            let is_compared = |subject: &&Subject| {
                // The floor and memaslap are compared on one thread only.
                options.subjects.contains(subject)
                    && (case.threads == 1 || matches!(subject, Subject::Bare | Subject::Loadgen))
            };
            let subjects = Subject::ALL.iter().filter(is_compared);
            Comparison { case, series: subjects.map(|subject| (*subject, Vec::new())).collect() }
        })
        .collect();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for Comparison { case, series } in &mut comparisons {
            for turn in turns(round as usize, series.len()) {
                let (subject, readings) = &mut series[turn];
                readings.push(bench.measure(*subject, *case, options.window)?);
            }
        }
    }
    Ok(comparisons)
}
